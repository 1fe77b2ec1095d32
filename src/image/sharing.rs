//! Sharing between the images of an instance: what is opened once more, alike, is a further reader of the open image.
//!
//! Each opening asks its own source, with its own credentials, which manifest its target is: who is told that may read what
//! is shared. What is shared goes with the last image.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use super::open_image::{Image, Inner};
use super::options::OpenOptions;
use super::reader::ReaderOptions;
use super::told::{Asked, Opened, Told};
use crate::error::Result;
use crate::fetch::owner::Owner;
use crate::fetch::single_flight::Flights;
use crate::format::oci::{Digest, Target};
use crate::net::stats::Stats;
use crate::net::transport::{Later, Transport};
use crate::source::Source;

/// Which images are opened alike.
#[derive(Clone)]
pub(crate) struct Sharing {
    /// All that decides what is known of an image, and how it is got, besides what its digests name: the reference, the
    /// options, and who asks.
    pub(crate) key: String,
    /// Whether openings under way at the same time are one: not where who asks may differ from call to call.
    pub(crate) joins: bool,
}

/// An opening, and what it was told so far.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(crate) source: Rc<dyn Source>,
    pub(crate) transport: Rc<dyn Transport>,
    pub(crate) target: Target,
    pub(crate) options: OpenOptions,
    pub(crate) told: Told,
}

/// Images that were opened alike, and are the same one.
struct Group {
    key: String,
    /// Digest of what the target was: a manifest or an index.
    digest: Digest,
    images: Vec<Weak<Inner>>,
}

impl Group {
    fn any(&self) -> Option<Image> {
        self.images.iter().rev().find_map(Weak::upgrade).map(Image)
    }
}

thread_local! {
    static OPEN: RefCell<Vec<Group>> = const { RefCell::new(Vec::new()) };
    static OPENINGS: Rc<Flights<String, Option<Image>>> = Rc::default();
}

impl Image {
    /// As [`open_here`](Image::open_here), as a further reader where the same image is open, or being opened, alike.
    pub(crate) async fn open_shared(Sharing { key, joins }: Sharing, wanted: Opening) -> Result<Opened> {
        if !joins || wanted.options.isolated {
            return open(wanted, key).await;
        }
        let (is_own, elsewhere) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(None)));
        let load: Later<'static, Option<Image>> = {
            let (wanted, key) = (wanted.clone(), key.clone());
            let (is_own, elsewhere) = (is_own.clone(), elsewhere.clone());
            Box::pin(async move {
                is_own.set(true);
                Ok(match open(wanted, key).await? {
                    Opened::Image(image) => Some(image),
                    // What another module goes on from is this opening's alone.
                    other => {
                        elsewhere.replace(Some(other));
                        None
                    }
                })
            })
        };
        let openings = OPENINGS.with(Rc::clone);
        let (_, image) = openings.get(Owner::new(false), &|other| *other == key, (key.clone(), load)).await?;
        match (image, elsewhere.take()) {
            (Some(image), _) if is_own.get() => Ok(Opened::Image(image)),
            (Some(image), _) => {
                let Opening { transport, options, .. } = &wanted;
                let source = image.0.context.source.for_reader(transport, &options.limits, &Stats::default());
                let known = &image.0.known;
                let digest = known.index_digest.unwrap_or(known.digest);
                Ok(Opened::Image(further(&image, wanted, source, (key, digest))))
            }
            (None, Some(other)) => Ok(other),
            (None, None) => open(wanted, key).await,
        }
    }
}

/// Asks the source for its target's manifest, and opens that unless it is open.
async fn open(wanted: Opening, key: String) -> Result<Opened> {
    let Opening { source, transport, target, options, told } = wanted.clone();
    let asked = Asked { source: &*source, told: RefCell::new(told) };
    let digest = match asked.manifest(&target).await {
        Ok(manifest) => manifest.digest,
        Err(e) => return Err(e.with_reference(source.name())),
    };
    if let Some(image) = find(&key, &digest) {
        let own = Some(source.clone());
        return Ok(Opened::Image(further(&image, wanted, own, (key, digest))));
    }
    let told = asked.told.into_inner();
    let opened = Image::open_here(source.clone(), transport, &target, options, told).await?;
    if let Opened::Image(image) = &opened {
        add(key, digest, image);
    }
    Ok(opened)
}

/// A further reader of an image, by `source` where that is its own.
fn further(
    image: &Image,
    wanted: Opening,
    source: Option<Rc<dyn Source>>,
    (key, digest): (String, Digest),
) -> Image {
    let options = ReaderOptions {
        transport: Some(wanted.transport),
        limits: Some(wanted.options.limits),
        indexer: wanted.options.indexer,
        isolated: wanted.options.isolated,
    };
    let image = image.reader_of(source, options);
    add(key, digest, &image);
    image
}

fn find(key: &str, digest: &Digest) -> Option<Image> {
    OPEN.with_borrow(|open| open.iter().find(|it| it.key == key && it.digest == *digest)?.any())
}

fn add(key: String, digest: Digest, image: &Image) {
    let image = Rc::downgrade(&image.0);
    OPEN.with_borrow_mut(|open| {
        if let Some(group) = open.iter_mut().find(|it| it.key == key && it.digest == digest) {
            if group.images.len() == group.images.capacity() {
                group.images.retain(|one| one.strong_count() > 0);
            }
            group.images.push(image);
            return;
        }
        if open.len() == open.capacity() {
            open.retain(|group| group.any().is_some());
        }
        open.push(Group { key, digest, images: vec![image] });
    });
}
