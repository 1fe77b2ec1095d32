//! Layouts on disk, natively. Reads block; a chunk is read when it is asked for.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::files::{Files, RandomAccess};
use crate::error::{Code, Error, Result};
use crate::net::transport::{ByteStream, Later};

const CHUNK: usize = 256 << 10;

/// A folder. Names that lead out of it, by `..` or by symbolic links, are refused.
pub struct FolderFiles {
    root: PathBuf,
    shown: String,
}

impl fmt::Debug for FolderFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FolderFiles").field(&self.shown).finish()
    }
}

impl FolderFiles {
    /// # Errors
    /// `NOT_FOUND` where there is no such folder.
    pub fn open(root: impl AsRef<Path>) -> Result<FolderFiles> {
        let shown = root.as_ref().display().to_string();
        let real = root.as_ref().canonicalize().map_err(|e| io_error(&e, &shown))?;
        if !real.is_dir() {
            return Err(Error::new(Code::NotFound, format!("{shown} is not a folder")));
        }
        Ok(FolderFiles { root: real, shown })
    }

    fn file(&self, path: &str) -> Result<File> {
        let plain = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
        if !plain || path.is_empty() || path.contains('\\') {
            return Err(Error::new(Code::InvalidArgument, format!("{path:?} is no name inside a layout")));
        }
        let real = self.root.join(path).canonicalize().map_err(|e| io_error(&e, path))?;
        if !real.starts_with(&self.root) {
            let text = format!("{path} is a link that leads out of the layout's folder; refused");
            return Err(Error::new(Code::Unsupported, text));
        }
        let file = File::open(&real).map_err(|e| io_error(&e, path))?;
        if !file.metadata().map_err(|e| io_error(&e, path))?.is_file() {
            return Err(Error::new(Code::Unsupported, format!("{path} is not a regular file")));
        }
        Ok(file)
    }
}

impl Files for FolderFiles {
    fn size<'a>(&'a self, path: &'a str) -> Later<'a, Option<u64>> {
        Box::pin(async move {
            match self.file(path).and_then(|f| size_of(&f, path)) {
                Ok(size) => Ok(Some(size)),
                Err(e) if e.code() == Code::NotFound => Ok(None),
                Err(e) => Err(e),
            }
        })
    }
    fn read<'a>(&'a self, path: &'a str, range: Option<Range<u64>>) -> Later<'a, ByteStream> {
        Box::pin(async move {
            let file = self.file(path)?;
            let size = size_of(&file, path)?;
            stream(Rc::new(file), range.unwrap_or(0..size), size, path.to_string())
        })
    }
    fn name(&self) -> String {
        self.shown.clone()
    }
}

/// One file.
pub struct FileAccess {
    file: Rc<File>,
    shown: String,
}

impl fmt::Debug for FileAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FileAccess").field(&self.shown).finish()
    }
}

impl FileAccess {
    /// # Errors
    /// `NOT_FOUND` where there is no such file.
    pub fn open(path: impl AsRef<Path>) -> Result<FileAccess> {
        let shown = path.as_ref().display().to_string();
        let file = File::open(path.as_ref()).map_err(|e| io_error(&e, &shown))?;
        Ok(FileAccess { file: Rc::new(file), shown })
    }
}

impl RandomAccess for FileAccess {
    fn size(&self) -> Later<'_, u64> {
        Box::pin(async move { size_of(&self.file, &self.shown) })
    }
    fn read(&self, range: Range<u64>) -> Later<'_, ByteStream> {
        Box::pin(async move {
            stream(self.file.clone(), range, size_of(&self.file, &self.shown)?, self.shown.clone())
        })
    }
    fn name(&self) -> String {
        self.shown.clone()
    }
    fn version(&self) -> String {
        self.file.metadata().and_then(|m| m.modified()).map(|time| format!("{time:?}")).unwrap_or_default()
    }
}

fn size_of(file: &File, name: &str) -> Result<u64> {
    file.metadata().map(|m| m.len()).map_err(|e| io_error(&e, name))
}

fn stream(file: Rc<File>, range: Range<u64>, size: u64, name: String) -> Result<ByteStream> {
    if range.start > range.end || range.end > size {
        return Err(Error::new(Code::DigestMismatch, format!("{name} is shorter than what names it says")));
    }
    let stream = futures_util::stream::unfold(range, move |rest| {
        let next = chunk(&file, &rest, &name);
        async move {
            match next {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => {
                    let start = rest.start + u64::try_from(bytes.len()).unwrap_or(0);
                    Some((Ok(bytes), start..rest.end))
                }
                Err(e) => Some((Err(e), rest.end..rest.end)),
            }
        }
    });
    Ok(stream.boxed_local())
}

/// Seeks and reads in one go, so that streams of one file do not disturb each other.
fn chunk(file: &Rc<File>, rest: &Range<u64>, name: &str) -> Result<Bytes> {
    let want = usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX).min(CHUNK);
    let mut buffer = vec![0; want];
    let mut handle = &**file;
    let read = handle.seek(SeekFrom::Start(rest.start)).and_then(|_| handle.read_exact(&mut buffer));
    read.map_err(|e| io_error(&e, name))?;
    Ok(Bytes::from(buffer))
}

fn io_error(e: &std::io::Error, name: &str) -> Error {
    match e.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Error::new(Code::NotFound, format!("there is no {name}"))
        }
        ErrorKind::UnexpectedEof => Error::new(Code::DigestMismatch, format!("{name} has become shorter")),
        _ => Error::new(Code::Network, format!("cannot read {name}: {e}")),
    }
}
