//! An entry of the TOC.

use crate::error::{Code, Error, Result};
use crate::format::oci::json::{Json, Node};
use crate::format::oci::{Digest, base64};
use crate::format::tar::{Kind, Mtime, Xattrs};
use crate::format::ztoc::rfc3339;
use crate::limits::Limits;

/// What an entry is.
pub(super) enum Type {
    Node(Kind),
    /// A further chunk of the file before it.
    Chunk,
}

/// One entry as the JSON has it; what is absent is empty or 0.
pub(super) struct TocEntry {
    pub(super) name: Vec<u8>,
    pub(super) r#type: Type,
    pub(super) size: u64,
    pub(super) mtime: Option<Mtime>,
    pub(super) link_name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) uname: Vec<u8>,
    pub(super) gname: Vec<u8>,
    pub(super) dev_major: u64,
    pub(super) dev_minor: u64,
    /// Encoded as [`Xattrs`].
    pub(super) xattrs: Vec<u8>,
    /// Of the whole file.
    pub(super) digest: Option<Digest>,
    pub(super) offset: u64,
    pub(super) end_offset: u64,
    pub(super) inner_offset: u64,
    pub(super) chunk_offset: u64,
    pub(super) chunk_size: u64,
    pub(super) chunk_digest: Option<Digest>,
    pub(super) zeros: bool,
}

impl TocEntry {
    pub(super) fn parse(json: &[u8], limits: &Limits) -> Result<TocEntry> {
        read(json, limits).map_err(|e| match e.code() {
            Code::CorruptManifest => Error::new(Code::CorruptLayer, e.message().to_owned()),
            _ => e,
        })
    }
}

fn read(json: &[u8], limits: &Limits) -> Result<TocEntry> {
    let json = Json::parse(json, "entry of the layer's TOC", limits)?;
    let node = json.root("entry of the layer's TOC");
    let text = |key| node.get_str(key).map(Option::unwrap_or_default);
    let bytes = |key| text(key).map(|t| t.as_bytes().to_vec());
    let number = |key| node.get(key)?.map_or(Ok(0), |n| n.whole());
    let digest = |key| -> Result<Option<Digest>> {
        let Some(text) = node.get_str(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| node.wrong("has a digest that is none, or not a SHA-256"))
    };
    let name = bytes("name")?;
    let r#type = match text("type")? {
        "reg" => Type::Node(Kind::Regular),
        "dir" => Type::Node(Kind::Directory),
        "symlink" => Type::Node(Kind::Symlink),
        "hardlink" => Type::Node(Kind::HardLink),
        "char" => Type::Node(Kind::CharDevice),
        "block" => Type::Node(Kind::BlockDevice),
        "fifo" => Type::Node(Kind::Fifo),
        "chunk" => Type::Chunk,
        _ => return Err(node.wrong("is of a type that this library does not know").with_path(&name)),
    };
    let mtime = match text("modtime")? {
        "" => Some(Mtime { secs: 0, nanos: 0 }),
        time => rfc3339(time.as_bytes()),
    };
    let mode = node.get("mode")?.map_or(Ok(0), |n| n.integer())?;
    Ok(TocEntry {
        r#type,
        size: number("size")?,
        mtime,
        link_name: bytes("linkName")?,
        // Some write the type's bits too.
        mode: (mode & 0o7777) as u32,
        uid: owner(&node, "uid")?,
        gid: owner(&node, "gid")?,
        uname: bytes("userName")?,
        gname: bytes("groupName")?,
        dev_major: number("devMajor")?,
        dev_minor: number("devMinor")?,
        xattrs: xattrs(&node)?,
        digest: digest("digest")?,
        offset: number("offset")?,
        end_offset: number("endOffset")?,
        inner_offset: number("innerOffset")?,
        chunk_offset: number("chunkOffset")?,
        chunk_size: number("chunkSize")?,
        chunk_digest: digest("chunkDigest")?,
        zeros: text("chunkType")? == "zeros",
        name,
    })
}

/// Go's `int`, of which tars have the low 32 bits or more; a negative one is what it is in 32 bits.
fn owner(node: &Node<'_>, key: &'static str) -> Result<u64> {
    let id = node.get(key)?.map_or(Ok(0), |n| n.integer())?;
    Ok(u64::try_from(id).unwrap_or_else(|_| u64::from(id as u32)))
}

/// A map of names to values in base64.
fn xattrs(node: &Node<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let Some(map) = node.get("xattrs")? else { return Ok(out) };
    for (name, value) in map.fields()? {
        let value = match value {
            Json::String(text) => base64::decode(text),
            Json::Null => Some(Vec::new()),
            _ => None,
        };
        let value = value.ok_or_else(|| map.wrong("holds a value that is not base64"))?;
        Xattrs::encode(&mut out, name.as_bytes(), &value);
    }
    Ok(out)
}
