//! A frame in fragments, each the value of one notification or write.
//!
//! ```text
//! byte 0    more follow (bit 7) | zero (bits 6-5) | index, the first is 0 (bits 4-0)
//!      1..  at least one byte of the frame; all fragments but the last are full
//! ```
//! Within a connection the link layer delivers in order, once, or breaks the connection off; but a stack that runs out
//! of buffers may drop a value. So a reader takes indices in their order alone, and begins anew with each index 0. It
//! holds one frame at most, and that of a connection is gone with the connection.
use super::Mtu;
use super::frame::MAX_FRAME_BYTES;

/// Bytes before the frame's.
pub const HEADER_BYTES: usize = 1;
/// Largest fragment.
pub const MAX_FRAGMENT_BYTES: usize = Mtu::MOST.value_bytes();

const MORE: u8 = 0x80;
const RESERVED: u8 = 0x60;
const INDEX: u8 = 0x1f;

// The index must count the fragments of the largest frame at the least MTU.
const _: () = assert!(MAX_FRAME_BYTES.div_ceil(Mtu::LEAST.content_bytes()) <= INDEX as usize + 1);

/// A piece of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    header: u8,
    content: &'a [u8],
}

impl Fragment<'_> {
    /// Writes the fragment and returns its length.
    pub fn emit(&self, buffer: &mut [u8; MAX_FRAGMENT_BYTES]) -> usize {
        let end = HEADER_BYTES + self.content.len();
        buffer[0] = self.header;
        buffer[HEADER_BYTES..end].copy_from_slice(self.content);
        end
    }
}

/// The fragments of a frame, in order.
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    rest: &'a [u8],
    content_bytes: usize,
    index: u8,
}

impl<'a> Fragments<'a> {
    /// Those of a frame, for a connection with this MTU; of an empty frame there are none.
    ///
    /// # Errors
    /// A frame above [`MAX_FRAME_BYTES`].
    pub const fn of(frame: &'a [u8], mtu: Mtu) -> Result<Self, FragmentError> {
        if frame.len() > MAX_FRAME_BYTES {
            return Err(FragmentError::TooLong { have_bytes: frame.len() });
        }
        Ok(Self { rest: frame, content_bytes: mtu.content_bytes(), index: 0 })
    }
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Fragment<'a>;

    fn next(&mut self) -> Option<Fragment<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (content, rest) = self.rest.split_at(self.content_bytes.min(self.rest.len()));
        let more = if rest.is_empty() { 0 } else { MORE };
        let fragment = Fragment { header: more | self.index, content };
        self.rest = rest;
        self.index += 1;
        Some(fragment)
    }
}

/// A fragment that is no part of a frame. What was gathered before it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Nothing of a frame in it.
    #[error("a fragment of {have_bytes} bytes, expected 2 or more")]
    Empty {
        /// Its size.
        have_bytes: usize,
    },
    /// A reserved bit is set.
    #[error("unknown header {header:#04x}")]
    UnknownHeader {
        /// The first byte.
        header: u8,
    },
    /// Not the fragment that follows.
    #[error("fragment {have}, expected {expected}")]
    OutOfOrder {
        /// Its index.
        have: u8,
        /// The index that would have followed.
        expected: u8,
    },
    /// A frame that is longer than any.
    #[error("a frame of {have_bytes} bytes or more, expected at most {MAX_FRAME_BYTES}")]
    TooLong {
        /// Bytes with this fragment.
        have_bytes: usize,
    },
}

/// Puts the fragments of one frame together.
#[derive(Clone, Debug)]
pub struct Reassembly {
    bytes: [u8; MAX_FRAME_BYTES],
    used: usize,
    /// Index of the fragment that follows; 0 with nothing gathered.
    next: u8,
}

impl Default for Reassembly {
    fn default() -> Self {
        Self::new()
    }
}

impl Reassembly {
    /// Nothing gathered.
    pub const fn new() -> Self {
        Self { bytes: [0; MAX_FRAME_BYTES], used: 0, next: 0 }
    }

    /// Forgets what was gathered, for another connection.
    pub const fn clear(&mut self) {
        self.used = 0;
        self.next = 0;
    }

    /// Takes a fragment. Returns the frame when it is whole; it counts as taken out then.
    ///
    /// # Errors
    /// A fragment that does not belong here. The next frame begins with an index 0.
    pub fn insert(&mut self, fragment: &[u8]) -> Result<Option<&[u8]>, FragmentError> {
        let used = self.append(fragment).inspect_err(|_| self.clear())?;
        if fragment[0] & MORE != 0 {
            self.used = used;
            self.next += 1;
            return Ok(None);
        }
        self.clear();
        Ok(Some(&self.bytes[..used]))
    }

    /// Bytes gathered with this fragment.
    fn append(&mut self, fragment: &[u8]) -> Result<usize, FragmentError> {
        let &[header, ref content @ ..] = fragment else {
            return Err(FragmentError::Empty { have_bytes: 0 });
        };
        if header & RESERVED != 0 {
            return Err(FragmentError::UnknownHeader { header });
        }
        if content.is_empty() {
            return Err(FragmentError::Empty { have_bytes: 1 });
        }
        let index = header & INDEX;
        if index == 0 {
            self.clear();
        } else if index != self.next {
            return Err(FragmentError::OutOfOrder { have: index, expected: self.next });
        }
        let end = self.used + content.len();
        let room = self.bytes.get_mut(self.used..end).ok_or(FragmentError::TooLong { have_bytes: end })?;
        room.copy_from_slice(content);
        Ok(end)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn fragments(frame: &[u8], mtu: Mtu) -> Vec<Vec<u8>> {
        let emitted = |fragment: Fragment<'_>| {
            let mut buffer = [0; MAX_FRAGMENT_BYTES];
            let length = fragment.emit(&mut buffer);
            buffer[..length].to_vec()
        };
        Fragments::of(frame, mtu).expect("no longer than any frame").map(emitted).collect()
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let frame = hex::decode("70b3d57ed00000010150701185fe191bfca01aaea7b53df22194").unwrap();
        let at_least = fragments(&frame, Mtu::LEAST).into_iter().map(hex::encode).collect::<Vec<_>>();
        assert_eq!(at_least, ["8070b3d57ed00000010150701185fe191bfca01a", "01aea7b53df22194"]);
        let at_most = fragments(&frame, Mtu::MOST).into_iter().map(hex::encode).collect::<Vec<_>>();
        assert_eq!(at_most, ["0070b3d57ed00000010150701185fe191bfca01aaea7b53df22194"]);
    }

    #[test]
    fn a_fragment_out_of_order_ends_the_frame_until_the_next_first_one() {
        let mut reassembly = Reassembly::new();
        let out_of_order = |have, expected| Err(FragmentError::OutOfOrder { have, expected });
        assert_eq!(reassembly.insert(&[0x01, 7]), out_of_order(1, 0));
        assert_eq!(reassembly.insert(&[0x80, 7]), Ok(None));
        assert_eq!(reassembly.insert(&[0x82, 8]), out_of_order(2, 1));
        assert_eq!(reassembly.insert(&[0x01, 8]), out_of_order(1, 0));
        assert_eq!(reassembly.insert(&[0x80, 7]), Ok(None));
        assert_eq!(reassembly.insert(&[0x80, 8]), Ok(None), "a first fragment begins anew");
        assert_eq!(reassembly.insert(&[0x01, 9]), Ok(Some(&[8, 9][..])));
        assert_eq!(reassembly.insert(&[0x40, 9]), Err(FragmentError::UnknownHeader { header: 0x40 }));
        assert_eq!(reassembly.insert(&[]), Err(FragmentError::Empty { have_bytes: 0 }));
        assert_eq!(reassembly.insert(&[0x00]), Err(FragmentError::Empty { have_bytes: 1 }));
    }

    #[test]
    fn a_frame_longer_than_any_is_refused() {
        let mut reassembly = Reassembly::new();
        assert_eq!(reassembly.insert(&[&[0x80][..], &[1; 243]].concat()), Ok(None));
        let eight = [&[0x81][..], &[1; 8]].concat();
        assert_eq!(reassembly.insert(&eight), Ok(None));
        let error = FragmentError::TooLong { have_bytes: 252 };
        assert_eq!(reassembly.insert(&[0x02, 1]), Err(error));
        assert_eq!(Fragments::of(&[0; 252], Mtu::MOST).unwrap_err(), error);
    }

    proptest! {
        #[test]
        fn a_frame_survives_at_any_mtu(
            frame in proptest::collection::vec(any::<u8>(), 1..=MAX_FRAME_BYTES),
            mtu in 23usize..=247,
        ) {
            let mtu = Mtu::new(mtu).unwrap();
            let fragments = fragments(&frame, mtu);
            prop_assert_eq!(fragments.len(), frame.len().div_ceil(mtu.content_bytes()));
            let mut reassembly = Reassembly::new();
            let (last, others) = fragments.split_last().unwrap();
            for fragment in others {
                prop_assert_eq!(fragment.len(), mtu.value_bytes());
                prop_assert_eq!(reassembly.insert(fragment), Ok(None));
            }
            prop_assert_eq!(reassembly.insert(last), Ok(Some(&frame[..])));
        }

        /// Against a model that keeps all of a run of fragments: whatever comes, a frame is what followed a first
        /// fragment without a gap.
        #[test]
        fn a_frame_is_what_came_in_order(
            values in proptest::collection::vec(
                (0u8..4, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..90)), 1..40),
        ) {
            let mut reassembly = Reassembly::new();
            let mut run: Option<(u8, Vec<u8>)> = None;
            for (index, more, content) in values {
                let header = if more { MORE | index } else { index };
                let value = [&[header][..], &content].concat();
                let before = if index == 0 { Some((0, Vec::new())) } else { run.take() };
                let fits = before.filter(|(next, gathered)| {
                    *next == index && !content.is_empty()
                        && gathered.len() + content.len() <= MAX_FRAME_BYTES
                });
                let with = fits.map(|(_, gathered)| [gathered, content].concat());
                let expected = with.as_ref().map(|frame| (!more).then(|| frame.clone()));
                let have = reassembly.insert(&value).ok().map(|frame| frame.map(<[u8]>::to_vec));
                prop_assert_eq!(have, expected);
                run = with.filter(|_| more).map(|frame| (index + 1, frame));
            }
        }

        #[test]
        fn arbitrary_values_never_panic(
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..260), 0..60),
        ) {
            let mut reassembly = Reassembly::new();
            for value in values {
                if let Ok(Some(frame)) = reassembly.insert(&value) {
                    prop_assert!((1..=MAX_FRAME_BYTES).contains(&frame.len()));
                }
            }
        }
    }
}
