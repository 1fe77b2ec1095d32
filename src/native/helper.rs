//! Credential helpers: programs `docker-credential-NAME`.

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use crate::error::{Code, Error, Result};
use crate::net::registry::Credentials;
use crate::net::registry::docker_config::parse_helper_output;

/// How long a helper may take: some ask the user.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most that one may print, in bytes.
const MAX_OUTPUT: u64 = 1 << 20;
/// How often it is looked whether one that has printed all has ended.
const POLL: Duration = Duration::from_millis(5);

/// A helper, and what it is asked for.
pub(super) struct Helper {
    pub(super) name: String,
    pub(super) server: String,
    /// Where it is looked for; `None` as this process's programs are.
    pub(super) path: Option<OsString>,
}

impl Helper {
    /// Its credentials; `None` where it says that it has none. It runs beside a thread of its own.
    pub(super) async fn ask(self) -> Result<Option<Credentials>> {
        let (to, answer) = oneshot::channel();
        let lost = || unauthorized("a credential helper could not be waited for".into());
        let thread = thread::Builder::new().name("ocipeek-credentials".into());
        thread.spawn(move || drop(to.send(self.run()))).map_err(|_| lost())?;
        answer.await.map_err(|_| lost())?
    }

    fn run(&self) -> Result<Option<Credentials>> {
        let mut command = Command::new(self.program());
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let mut child = command.spawn().map_err(|e| match e.kind() {
            ErrorKind::NotFound => unauthorized(format!(
                "there is no program {} on the PATH, which the configuration names as credential helper",
                self.program()
            )),
            kind => unauthorized(format!("the credential helper {} cannot be run: {kind}", self.program())),
        })?;
        let finished = self.finish(&mut child);
        if finished.is_err() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        let (status, output) = finished?;
        let found = parse_helper_output(&output);
        match (status.code(), found) {
            (Some(0), Ok(found)) => Ok(found),
            (Some(0), Err(_)) => Err(self.failed("printed something else than credentials")),
            // It says so with an exit code.
            (_, Ok(None)) if !output.trim().is_empty() => Ok(None),
            (Some(code), _) => Err(self.failed(&format!("failed with exit code {code}"))),
            (None, _) => Err(self.failed("was ended by a signal")),
        }
    }

    /// Gives the server's name, and takes what is printed.
    fn finish(&self, child: &mut Child) -> Result<(ExitStatus, String)> {
        let end = Instant::now() + TIMEOUT;
        if let Some(mut input) = child.stdin.take() {
            // One that does not read has an answer all the same.
            let _ = writeln!(input, "{}", self.server);
        }
        let (to, output) = mpsc::channel();
        if let Some(from) = child.stdout.take() {
            // A thread of its own, as reads cannot be given up: what the helper started may hold the pipe open.
            let read = move || {
                let mut bytes = Vec::new();
                let read = from.take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
                drop(to.send(read.map(|_| bytes)));
            };
            thread::Builder::new()
                .name("ocipeek-credentials".into())
                .spawn(read)
                .map_err(|_| self.failed("could not be waited for"))?;
        }
        let late = || self.failed(&format!("gave no answer within {} seconds", TIMEOUT.as_secs()));
        let bytes = output.recv_timeout(TIMEOUT).map_err(|_| late())?;
        let bytes = bytes.map_err(|_| self.failed("could not be read from"))?;
        if bytes.len() as u64 > MAX_OUTPUT {
            return Err(self.failed(&format!("printed more than {MAX_OUTPUT} bytes")));
        }
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok((status, String::from_utf8_lossy(&bytes).into_owned())),
                Ok(None) if Instant::now() < end => thread::sleep(POLL),
                Ok(None) => return Err(late()),
                Err(_) => return Err(self.failed("could not be waited for")),
            }
        }
    }

    fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    /// That it failed; without its output, which may be the secret.
    fn failed(&self, why: &str) -> Error {
        let (program, server) = (self.program(), &self.server);
        unauthorized(format!("the credential helper {program} {why}; try: echo {server} | {program} get"))
    }
}

fn unauthorized(why: String) -> Error {
    Error::new(Code::Unauthorized, why)
}
