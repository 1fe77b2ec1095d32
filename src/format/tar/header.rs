//! One entry's header: extended headers, the header block, sparse maps, in the order in which they stand in
//! the tar, as a state machine without input of its own.
//!
//! Rules are those of Go's `archive/tar`, with which zTOCs are built and container runtimes unpack:
//! - the latest PAX header (`x`) counts, GNU long names (`L`, `K`) go over it;
//! - a global PAX header (`g`) changes nothing and drops what extended headers before it said; every
//!   container runtime ignores it, though POSIX would apply it to all that follows;
//! - links, devices, directories and pipes have no content whatever size they state;
//! - typeflag NUL is a directory if the name ends with `/`, else a file; unknown typeflags are files.

use super::block::{BLOCK, Block};
use super::number::{numeric, pax_time, string};
use super::pax::{Key, Pax};
use super::sparse::{self, ContentMap, MapBuilder, PaxSparse, SparseMap};
use super::table::low32;
use super::{Entry, Kind, Mtime, Xattrs};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// What an entry's header says, its parts put together.
#[derive(Debug)]
pub(super) struct Header {
    name: Vec<u8>,
    link_name: Vec<u8>,
    uname: Vec<u8>,
    gname: Vec<u8>,
    xattrs: Vec<u8>,
    kind: Kind,
    size: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    mtime: Mtime,
    dev_major: u64,
    dev_minor: u64,
    /// Bytes of content that follow.
    pub stored: u64,
    pub sparse: Option<SparseMap>,
    /// What only a builder of zTOCs needs.
    #[cfg(feature = "build")]
    pub raw: super::raw::Raw,
}

impl Header {
    /// The entry, for a header that begins at `header_offset` and content that begins at `offset`.
    pub fn entry(&self, header_offset: u64, offset: u64) -> Entry<'_> {
        Entry {
            name: &self.name,
            kind: self.kind,
            size: self.size,
            mode: self.mode,
            uid: u64::from(self.uid),
            gid: u64::from(self.gid),
            uname: &self.uname,
            gname: &self.gname,
            mtime: Some(self.mtime),
            link_name: &self.link_name,
            dev_major: self.dev_major,
            dev_minor: self.dev_minor,
            header_offset,
            offset,
            xattrs: Xattrs(&self.xattrs),
        }
    }
}

/// What the reader must get next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// This many bytes at once.
    Bytes(usize),
    /// Nothing of the next bytes, so many.
    Skip(u64),
}

/// What came of the bytes.
#[derive(Debug)]
pub(super) enum Fed {
    /// The header goes on.
    More,
    /// The header is complete; the content follows.
    Entry,
    /// A block of zeros where a header could begin.
    Zero,
}

#[derive(Debug)]
enum State {
    Block,
    Special { typeflag: u8, size: usize, padded: usize },
    Global { padded: u64 },
    GnuMap(MapBuilder),
    ContentMap(Box<ContentMap>),
}

/// Reads one header after another.
#[derive(Debug)]
pub(super) struct HeaderReader {
    max_header: u64,
    state: State,
    pax: Pax,
    has_pax: bool,
    long_name: Vec<u8>,
    long_link: Vec<u8>,
    /// Bytes of this entry's header so far.
    len: u64,
    header: Header,
}

impl HeaderReader {
    pub fn new(limits: &Limits) -> Self {
        HeaderReader {
            max_header: limits.max_tar_header_size.min(u64::from(u32::MAX) / 2),
            state: State::Block,
            pax: Pax::default(),
            has_pax: false,
            long_name: Vec::new(),
            long_link: Vec::new(),
            len: 0,
            header: Header {
                name: Vec::new(),
                link_name: Vec::new(),
                uname: Vec::new(),
                gname: Vec::new(),
                xattrs: Vec::new(),
                kind: Kind::Regular,
                size: 0,
                mode: 0,
                uid: 0,
                gid: 0,
                mtime: Mtime { secs: 0, nanos: 0 },
                dev_major: 0,
                dev_minor: 0,
                stored: 0,
                sparse: None,
                #[cfg(feature = "build")]
                raw: Default::default(),
            },
        }
    }

    /// What to give to [`HeaderReader::feed`] next.
    pub fn need(&self) -> Need {
        match self.state {
            State::Special { padded, .. } => Need::Bytes(padded),
            State::Global { padded } => Need::Skip(padded),
            _ => Need::Bytes(BLOCK),
        }
    }

    /// True where a header may begin, or end of input may be.
    pub fn at_start(&self) -> bool {
        matches!(self.state, State::Block)
    }

    /// The header that [`Fed::Entry`] announced, and its length in bytes.
    pub fn header(&self) -> &Header {
        &self.header
    }
    /// Bytes of the header that is being read or was completed last.
    pub fn len(&self) -> u64 {
        self.len
    }
    /// The sparse map of the completed header.
    pub fn take_sparse(&mut self) -> Option<SparseMap> {
        self.header.sparse.take()
    }
    /// Begins the next entry.
    pub fn next_entry(&mut self) {
        self.len = 0;
    }

    /// Takes exactly what [`HeaderReader::need`] says; nothing for a skip.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Fed> {
        match std::mem::replace(&mut self.state, State::Block) {
            State::Global { padded } => {
                self.grow(padded)?;
                self.forget();
                Ok(Fed::More)
            }
            State::Special { typeflag, size, padded } => {
                self.grow(padded as u64)?;
                let content = bytes.get(..size).ok_or_else(short)?;
                match typeflag {
                    b'L' => replace(&mut self.long_name, string(content)),
                    b'K' => replace(&mut self.long_link, string(content)),
                    _ => {
                        self.pax.read(content)?;
                        self.has_pax = true;
                    }
                }
                Ok(Fed::More)
            }
            state => {
                let block = bytes.first_chunk::<BLOCK>().ok_or_else(short)?;
                match state {
                    State::GnuMap(map) => {
                        self.grow(BLOCK as u64)?;
                        self.gnu_map(map, &block[..504], block[504])
                    }
                    State::ContentMap(mut map) => {
                        self.grow(BLOCK as u64)?;
                        if map.push(block)? {
                            return self.finish(Some(map.into_map()));
                        }
                        self.content_map(map)
                    }
                    _ if block.iter().all(|&b| b == 0) => Ok(Fed::Zero),
                    _ => self.block(block),
                }
            }
        }
    }

    /// Counts header bytes against the limit before they are asked for or after they came.
    fn grow(&mut self, by: u64) -> Result<()> {
        self.len = self.len.saturating_add(by);
        Limits::check("max_tar_header_size", self.len, self.max_header)
    }

    fn forget(&mut self) {
        self.pax.clear();
        self.has_pax = false;
        self.long_name.clear();
        self.long_link.clear();
    }

    fn block(&mut self, bytes: &[u8; BLOCK]) -> Result<Fed> {
        self.grow(BLOCK as u64)?;
        let block = Block::parse(bytes)?;
        if let b'x' | b'g' | b'L' | b'K' = block.typeflag {
            let size = u64::try_from(block.size)
                .map_err(|_| corrupt("an extended tar header has a negative size"))?;
            let padded = padded(size).ok_or_else(|| corrupt("an extended tar header is too large"))?;
            Limits::check("max_tar_header_size", self.len.saturating_add(padded), self.max_header)?;
            self.state = match block.typeflag {
                b'g' => State::Global { padded },
                // Below the limit, which is below 2^31.
                typeflag => State::Special { typeflag, size: size as usize, padded: padded as usize },
            };
            // Nothing to wait for: an empty header says nothing.
            if padded == 0 {
                return self.feed(&[]);
            }
            return Ok(Fed::More);
        }
        self.merge(&block)?;
        if block.typeflag == b'S' {
            if !block.is_gnu {
                // star has another layout under the same typeflag.
                return Err(corrupt("a sparse file that is not in GNU tar's format"));
            }
            self.header.size = numeric(&bytes[483..495])
                .and_then(|n| u64::try_from(n).ok())
                .ok_or_else(|| corrupt("a sparse file's size is not a number"))?;
            return self.gnu_map(MapBuilder::default(), &bytes[386..482], bytes[482]);
        }
        let format = if self.has_pax { sparse::pax_format(&self.pax) } else { PaxSparse::No };
        if format == PaxSparse::No {
            return self.finish(None);
        }
        if let Some(name) = self.pax.get(Key::SparseName) {
            replace(&mut self.header.name, name);
        }
        if header_only(self.header.kind) {
            return Err(corrupt("a sparse file that is no regular file"));
        }
        if let Some(size) = sparse::pax_size(&self.pax)? {
            self.header.size =
                u64::try_from(size).map_err(|_| corrupt("a sparse file has a negative size"))?;
        }
        if format == PaxSparse::Content {
            return self.content_map(Box::default());
        }
        let map = sparse::pax_map(&self.pax)?;
        self.finish(Some(map))
    }

    fn gnu_map(&mut self, mut map: MapBuilder, table: &[u8], extended: u8) -> Result<Fed> {
        map.push_gnu(table)?;
        if extended != 0 {
            self.state = State::GnuMap(map);
            return Ok(Fed::More);
        }
        self.finish(Some(map))
    }

    /// Takes the next block of the stored content for the map.
    fn content_map(&mut self, map: Box<ContentMap>) -> Result<Fed> {
        let stored = self.header.stored.checked_sub(BLOCK as u64);
        self.header.stored = stored.ok_or_else(|| corrupt("a sparse file's map does not fit into it"))?;
        self.state = State::ContentMap(map);
        Ok(Fed::More)
    }

    /// Puts header block and extended headers together, sparse forms aside.
    fn merge(&mut self, block: &Block<'_>) -> Result<()> {
        let (pax, header) = (&mut self.pax, &mut self.header);
        header.xattrs.clear();
        header.name.clear();
        header.sparse = None;
        if let Some(name) = pax.get(Key::Path).filter(|_| self.long_name.is_empty()) {
            header.name.extend_from_slice(name);
        } else if !self.long_name.is_empty() {
            header.name.extend_from_slice(&self.long_name);
        } else {
            if !block.prefix.is_empty() {
                header.name.extend_from_slice(block.prefix);
                header.name.push(b'/');
            }
            header.name.extend_from_slice(block.name);
        }
        let long_link = Some(&*self.long_link).filter(|l| !l.is_empty());
        replace(
            &mut header.link_name,
            long_link.or_else(|| pax.get(Key::LinkPath)).unwrap_or(block.link_name),
        );
        replace(&mut header.uname, pax.get(Key::Uname).unwrap_or(block.uname));
        replace(&mut header.gname, pax.get(Key::Gname).unwrap_or(block.gname));
        header.uid = low32(pax.number(Key::Uid)?.unwrap_or(block.uid).cast_unsigned());
        header.gid = low32(pax.number(Key::Gid)?.unwrap_or(block.gid).cast_unsigned());
        header.mode = (block.mode & 0o7777) as u32;
        header.mtime = match pax.get(Key::Mtime) {
            Some(text) => pax_time(text).ok_or_else(|| corrupt("a PAX mtime is not a time"))?,
            None => Mtime { secs: block.mtime, nanos: 0 },
        };
        header.dev_major = block.dev_major.cast_unsigned();
        header.dev_minor = block.dev_minor.cast_unsigned();
        header.kind = match block.typeflag {
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            0 if header.name.ends_with(b"/") => Kind::Directory,
            _ => Kind::Regular,
        };
        let size = pax.number(Key::Size)?.unwrap_or(block.size);
        header.size = match u64::try_from(size) {
            _ if header_only(header.kind) => 0,
            Ok(size) => size,
            Err(_) => return Err(corrupt("a tar header has a negative size")),
        };
        header.stored = header.size;
        #[cfg(feature = "build")]
        {
            let unused = if header_only(header.kind) { size } else { 0 };
            header.raw.set(block.typeflag, block.mode, unused, pax);
        }
        pax.xattrs(&mut header.xattrs);
        Ok(())
    }

    fn finish(&mut self, map: Option<MapBuilder>) -> Result<Fed> {
        self.header.sparse = match map {
            Some(map) => Some(map.finish(self.header.size, self.header.stored)?),
            None => None,
        };
        self.forget();
        Ok(Fed::Entry)
    }
}

/// Kinds whose size says nothing about content.
pub(crate) fn header_only(kind: Kind) -> bool {
    kind != Kind::Regular
}

/// `n` rounded up to whole blocks.
pub(crate) fn padded(n: u64) -> Option<u64> {
    n.checked_next_multiple_of(BLOCK as u64)
}

fn replace(to: &mut Vec<u8>, from: &[u8]) {
    to.clear();
    to.extend_from_slice(from);
}

fn corrupt(message: &str) -> Error {
    Error::new(Code::CorruptLayer, message)
}

fn short() -> Error {
    corrupt("a tar header is cut off")
}
