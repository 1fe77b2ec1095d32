//! Checkpoints: places at which decompressing can begin.

use bytes::Bytes;

use super::Packing;

/// Most points of a gzip stream: their windows take 8 MiB. Where there are more, every other one goes.
const MOST_WINDOWS: usize = 256;
/// Most points of a Zstandard stream, which have no windows.
const MOST_FRAMES: usize = 16 << 10;
/// Least output between two points at first.
const WINDOW_STEP: u64 = 1 << 20;
const FRAME_STEP: u64 = 64 << 10;

/// A place at which decompressing can begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Offset in the compressed bytes of the first whole byte.
    pub input: u64,
    /// So many high bits of the byte before come first: 0 to 7.
    pub bits: u8,
    /// Offset in the tar.
    pub output: u64,
    /// The output before it that matches may reach back to.
    pub window: Bytes,
}

/// Points in order, the first one at the tar's first byte, as far apart as their number demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    list: Vec<Point>,
    step: u64,
    most: usize,
}

impl Points {
    /// None yet.
    pub(super) fn new(packing: Packing) -> Self {
        let (step, most) = match packing {
            Packing::Gzip => (WINDOW_STEP, MOST_WINDOWS),
            Packing::Zstd => (FRAME_STEP, MOST_FRAMES),
        };
        Points { list: Vec::new(), step, most }
    }

    /// Points that were kept. `None` unless they are such as a pass leaves.
    pub fn from_list(packing: Packing, list: Vec<Point>) -> Option<Self> {
        let ordered = list.is_sorted_by(|a, b| a.output < b.output && a.input <= b.input);
        let sound = |p: &Point| p.bits < 8 && p.window.len() <= 32 << 10 && (p.bits == 0 || p.input > 0);
        let begins = list.first().is_some_and(|first| first.output == 0);
        (ordered && begins && list.iter().all(sound)).then(|| Points { list, ..Points::new(packing) })
    }

    /// All of them.
    pub fn list(&self) -> &[Point] {
        &self.list
    }

    /// Bytes of heap held.
    pub fn heap_bytes(&self) -> usize {
        self.list.iter().map(|point| size_of::<Point>() + point.window.len()).sum()
    }

    /// Whether a point at this offset of the tar is far enough from the last one.
    pub(super) fn wants(&self, output: u64) -> bool {
        self.list.last().is_none_or(|last| output.saturating_sub(last.output) >= self.step)
    }

    /// Adds a point that is wanted.
    pub(super) fn add(&mut self, point: Point) {
        self.list.push(point);
        if self.list.len() > self.most {
            let mut even = false;
            self.list.retain(|_| {
                even = !even;
                even
            });
            self.step = self.step.saturating_mul(2);
        }
    }

    /// The last point at or before an offset of the tar.
    pub fn before(&self, output: u64) -> Option<&Point> {
        let behind = self.list.partition_point(|point| point.output <= output);
        self.list.get(behind.checked_sub(1)?)
    }

    /// The most bytes of a tar of `total` that lie between two points.
    pub fn widest(&self, total: u64) -> u64 {
        let ends = self.list.iter().skip(1).map(|point| point.output).chain([total]);
        let gaps = self.list.iter().zip(ends).map(|(point, end)| end.saturating_sub(point.output));
        gaps.max().unwrap_or(total)
    }
}
