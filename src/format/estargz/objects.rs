//! Cuts the TOC's JSON into its entries as it arrives, so that only one of them is in memory at a time.

use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Most bytes of the TOC beside its entries.
const FRAME: usize = 64 << 10;

/// Splits `{"version": …, "entries": [{…}, …], …}`.
pub(super) struct Objects {
    /// All but the entries: the TOC with an empty list of them.
    frame: Vec<u8>,
    /// The entry that is arriving.
    entry: Vec<u8>,
    /// Objects and arrays that are open.
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The list of entries is open; at this depth are its items.
    in_entries: bool,
    max_entry: u64,
}

impl Objects {
    pub(super) fn new(limits: &Limits) -> Self {
        Objects {
            frame: Vec::new(),
            entry: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            in_entries: false,
            max_entry: limits.max_tar_header_size,
        }
    }

    /// Takes the next bytes; gives each entry to `sink` when it is complete.
    pub(super) fn push(&mut self, mut data: &[u8], sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while let Some(&byte) = data.first() {
            if self.in_string && !self.escaped {
                // To the next byte that means something.
                let plain = data.iter().take_while(|&&b| b != b'"' && b != b'\\').count();
                if let Some((plain, rest)) = data.split_at_checked(plain).filter(|(p, _)| !p.is_empty()) {
                    self.keep(plain)?;
                    data = rest;
                    continue;
                }
            }
            data = data.get(1..).unwrap_or_default();
            self.byte(byte, sink)?;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.in_string {
            match (self.escaped, byte) {
                (true, _) => self.escaped = false,
                (false, b'\\') => self.escaped = true,
                (false, b'"') => self.in_string = false,
                _ => {}
            }
            return self.keep(&[byte]);
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                let entries = byte == b'[' && self.depth == 1 && self.names_entries();
                self.depth = self.depth.saturating_add(1);
                if entries {
                    self.in_entries = true;
                    return self.keep_frame(b"[");
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.checked_sub(1).ok_or_else(broken)?;
                if self.in_entries && self.depth < 2 {
                    self.in_entries = false;
                    return self.keep_frame(&[byte]);
                }
                self.keep(&[byte])?;
                if self.in_entries && self.depth == 2 && byte == b'}' {
                    sink(&self.entry)?;
                    self.entry.clear();
                }
                return Ok(());
            }
            // Between entries.
            b',' | b' ' | b'\t' | b'\r' | b'\n' if self.in_entries && self.depth == 2 => return Ok(()),
            _ => {}
        }
        self.keep(&[byte])
    }

    /// Whether what came last is the key `entries`.
    fn names_entries(&self) -> bool {
        let trimmed = self.frame.trim_ascii_end();
        let Some(before) = trimmed.strip_suffix(b":") else { return false };
        before.trim_ascii_end().ends_with(b"\"entries\"")
    }

    fn keep(&mut self, data: &[u8]) -> Result<()> {
        if !self.in_entries {
            return self.keep_frame(data);
        }
        let len = (self.entry.len() as u64).saturating_add(data.len() as u64);
        Limits::check("max_tar_header_size", len, self.max_entry)?;
        self.entry.extend_from_slice(data);
        Ok(())
    }

    fn keep_frame(&mut self, data: &[u8]) -> Result<()> {
        if self.frame.len().saturating_add(data.len()) > FRAME {
            return Err(Error::new(Code::CorruptLayer, "the layer's TOC has too much beside its entries"));
        }
        self.frame.extend_from_slice(data);
        Ok(())
    }

    /// The TOC without its entries.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        if self.depth > 0 || self.in_string || !self.entry.is_empty() {
            Err(broken())
        } else {
            Ok(self.frame)
        }
    }
}

fn broken() -> Error {
    Error::new(Code::CorruptLayer, "the layer's TOC is not valid JSON")
}
