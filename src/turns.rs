//! Turns of long work: other work gets the thread between them.
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// The pauses of long work, which asks for one after each of its small steps.
pub(crate) trait Turns {
    /// A pause, where the work has had the thread for long enough.
    fn due(&mut self) -> Option<Pin<Box<dyn Future<Output = ()>>>>;
}

/// No pauses: all is done at once.
pub(crate) struct AtOnce;

impl Turns for AtOnce {
    fn due(&mut self) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        None
    }
}

/// Lets other work have the thread, where a pause is due.
pub(crate) async fn pause(turns: &mut dyn Turns) {
    if let Some(pause) = turns.due() {
        pause.await;
    }
}

/// Entries of a list after which a pause is asked for.
const STEP: usize = 128;

/// [`pause`] after every so many entries; `done` is the number of the last one.
pub(crate) async fn pause_after(done: usize, turns: &mut dyn Turns) {
    if done % STEP == STEP - 1 {
        pause(turns).await;
    }
}

/// What `work` gives, which was given [`AtOnce`] and so waits for nothing.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(given) = work.as_mut().poll(&mut context) {
            return given;
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod tests {
    use super::*;

    /// Pauses whenever it is asked to, and counts that.
    #[derive(Default)]
    pub(crate) struct EachStep(pub(crate) usize);

    impl Turns for EachStep {
        fn due(&mut self) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
            self.0 += 1;
            let mut polls = 0;
            Some(Box::pin(std::future::poll_fn(move |_| {
                polls += 1;
                if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
            })))
        }
    }
}
