//! The end-to-end seal of a frame: AES-CCM-16-64-128 (RFC 3610; COSE algorithm 10, RFC 9053).
//!
//! ```text
//! byte  0        version (bits 7-6) | key id = epoch mod 4 (bits 5-4) | flags, zero (bits 3-0)
//!       1-2      low 16 bits of the counter, little-endian
//!       3..n-8   ciphertext
//!       n-8..n   tag
//! ```
//! The nonce does not travel: it is the direction's initial value with the 40-bit counter mixed into its last five
//! bytes. The associated data binds label, header byte, DevEUI, epoch, whole counter and FPort, so a frame opens
//! only for the device, direction, epoch and port it was sealed for.
use crate::ids::DevEui;
use crate::wire::nearest;
use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U13};
use hkdf::Hkdf;
use sha2::Sha256;

/// Bytes before the ciphertext.
pub const HEADER_BYTES: usize = 3;
/// Bytes of the tag.
pub const TAG_BYTES: usize = 8;
/// What a seal adds to a message.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;
/// Largest message that LoRaWAN can carry sealed.
pub const MAX_MESSAGE_BYTES: usize = 242 - OVERHEAD_BYTES;
/// One beyond the last counter.
pub const COUNTER_END: u64 = 1 << 40;
/// Counters are reserved in persistent storage in blocks of this many.
pub const COUNTER_BLOCK: u64 = 64;
/// Counters with the same low bits that a reader tries: the nearest to what it expects, and those above it.
pub const COUNTER_TRIES: u64 = 4;

const VERSION: u8 = 1;
const LABEL: &[u8; 8] = b"chirrup1";

type Cipher = Ccm<Aes128, U8, U13>;

/// Which way a frame travels. Each has its own key and its own counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a node to the aggregator.
    Up,
    /// From the aggregator to a node.
    Down,
}

/// What a seal is bound to besides its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The node, whichever way the frame travels.
    pub dev_eui: DevEui,
    /// The epoch of the key.
    pub epoch: u32,
    /// The direction.
    pub direction: Direction,
    /// The port, which names the message.
    pub fport: u8,
}

/// What a node and the aggregator share, and nobody else has. Its debug form shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret([u8; 32]);

/// The key of one device, epoch and direction.
#[derive(Clone)]
pub struct FrameKey {
    cipher: Cipher,
    initial_value: [u8; 13],
}

impl core::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DeviceSecret(..)")
    }
}

impl core::fmt::Debug for FrameKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FrameKey(..)")
    }
}

impl DeviceSecret {
    /// From 32 bytes of full entropy.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storage.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives the key of an epoch and direction: HKDF-SHA-256 (RFC 5869) without salt, with label, DevEUI, epoch
    /// and direction as its info, to 16 bytes of key and 13 of initial value.
    pub fn frame_key(&self, dev_eui: DevEui, epoch: u32, direction: Direction) -> FrameKey {
        let mut material = [0; 29];
        let direction = [direction as u8];
        Hkdf::<Sha256>::new(None, &self.0)
            .expand_multi_info(&[LABEL, &dev_eui.0, &epoch.to_le_bytes(), &direction], &mut material)
            .expect("29 bytes are far below the limit of HKDF");
        let (key, initial_value) = material.split_at(16);
        let key: [u8; 16] = key.try_into().expect("split at 16");
        Self::key_from(key, initial_value.try_into().expect("29 - 16 = 13"))
    }

    fn key_from(key: [u8; 16], initial_value: [u8; 13]) -> FrameKey {
        FrameKey { cipher: Cipher::new(&key.into()), initial_value }
    }
}

/// A message could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The lent buffer is too small.
    #[error("sealed frame needs {need_bytes} bytes, the buffer has {have_bytes}")]
    BufferTooSmall {
        /// Size of the frame.
        need_bytes: usize,
        /// Size of the buffer.
        have_bytes: usize,
    },
    /// All 2^40 counters of the epoch are used.
    #[error("the counters of this epoch are used up")]
    CountersExhausted,
}

/// A frame could not be opened. Nothing of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum OpenError {
    /// Shorter than an empty sealed message, or longer than any.
    #[error("a sealed frame has {OVERHEAD_BYTES} to 242 bytes, this one {have_bytes}")]
    WrongLength {
        /// Size of the frame.
        have_bytes: usize,
    },
    /// A version or flags that this implementation does not know.
    #[error("unknown header {header:#04x}")]
    UnknownHeader {
        /// The first byte.
        header: u8,
    },
    /// The seal does not verify: altered, or made with another key, counter, port, or for another device.
    #[error("seal does not verify")]
    NotAuthentic,
}

/// The readable part of a sealed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Epoch modulo 4.
    pub key_id: u8,
    /// Low 16 bits of the counter.
    pub counter_low: u16,
}

impl Header {
    /// Reads the header of a frame, and checks its length.
    pub fn parse(frame: &[u8]) -> Result<Self, OpenError> {
        if frame.len() < OVERHEAD_BYTES || frame.len() > MAX_MESSAGE_BYTES + OVERHEAD_BYTES {
            return Err(OpenError::WrongLength { have_bytes: frame.len() });
        }
        if frame[0] >> 6 != VERSION || frame[0] & 0x0f != 0 {
            return Err(OpenError::UnknownHeader { header: frame[0] });
        }
        let counter_low = u16::from_le_bytes([frame[1], frame[2]]);
        Ok(Self { key_id: frame[0] >> 4 & 3, counter_low })
    }

    /// The whole counter: the nearest to what is expected next.
    pub const fn counter(self, expected: u64) -> u64 {
        nearest(self.counter_low as u64, 16, expected)
    }
}

/// Seals `message` into `frame` and returns the frame's length. The counter must never have been used with this
/// key before.
pub fn seal(
    key: &FrameKey,
    binding: Binding,
    counter: u64,
    message: &[u8],
    frame: &mut [u8],
) -> Result<usize, SealError> {
    let need_bytes = message.len() + OVERHEAD_BYTES;
    if counter >= COUNTER_END {
        return Err(SealError::CountersExhausted);
    }
    if message.len() > MAX_MESSAGE_BYTES || frame.len() < need_bytes {
        return Err(SealError::BufferTooSmall { need_bytes, have_bytes: frame.len() });
    }
    let header = VERSION << 6 | (binding.epoch as u8 & 3) << 4;
    frame[0] = header;
    frame[1..3].copy_from_slice(&(counter as u16).to_le_bytes());
    let (body, tag_place) = frame[HEADER_BYTES..need_bytes].split_at_mut(message.len());
    body.copy_from_slice(message);
    let tag = key
        .cipher
        .encrypt_inout_detached(
            &nonce(key, counter).into(),
            &associated_data(header, binding, counter),
            body.into(),
        )
        .expect("the message is below CCM's limit of 64 KiB");
    tag_place.copy_from_slice(&tag);
    Ok(need_bytes)
}

/// Opens `frame` into `message` and returns the message's length.
pub fn open(
    key: &FrameKey,
    binding: Binding,
    counter: u64,
    frame: &[u8],
    message: &mut [u8; MAX_MESSAGE_BYTES],
) -> Result<usize, OpenError> {
    let header = Header::parse(frame)?;
    // Nonce and associated data hold 40 bits: a counter beyond them would open the frame of another one.
    let is_of = counter < COUNTER_END && header.counter_low == counter as u16;
    if u32::from(header.key_id) != binding.epoch & 3 || !is_of {
        return Err(OpenError::NotAuthentic);
    }
    let (body, tag) = frame[HEADER_BYTES..].split_at(frame.len() - OVERHEAD_BYTES);
    let tag: [u8; TAG_BYTES] = tag.try_into().expect("split so that the tag remains");
    let message = &mut message[..body.len()];
    message.copy_from_slice(body);
    let opened = key.cipher.decrypt_inout_detached(
        &nonce(key, counter).into(),
        &associated_data(frame[0], binding, counter),
        (&mut *message).into(),
        &tag.into(),
    );
    match opened {
        Ok(()) => Ok(body.len()),
        Err(_) => {
            message.fill(0);
            Err(OpenError::NotAuthentic)
        }
    }
}

/// Opens `frame` whose counter is the nearest to `expected`, or one of the next three with the same low bits: 2^17
/// frames in a row may have been lost. Returns counter and length of the message.
pub fn open_near(
    key: &FrameKey,
    binding: Binding,
    expected: u64,
    frame: &[u8],
    message: &mut [u8; MAX_MESSAGE_BYTES],
) -> Result<(u64, usize), OpenError> {
    let nearest = Header::parse(frame)?.counter(expected);
    for counter in (0..COUNTER_TRIES).map(|span| nearest.saturating_add(span << 16)) {
        if counter < COUNTER_END
            && let Ok(length) = open(key, binding, counter, frame, message)
        {
            return Ok((counter, length));
        }
    }
    Err(OpenError::NotAuthentic)
}

fn nonce(key: &FrameKey, counter: u64) -> [u8; 13] {
    let mut nonce = key.initial_value;
    for (byte, counter_byte) in nonce[8..].iter_mut().zip(&counter.to_be_bytes()[3..]) {
        *byte ^= counter_byte;
    }
    nonce
}

fn associated_data(header: u8, binding: Binding, counter: u64) -> [u8; 27] {
    let mut data = [0; 27];
    data[..8].copy_from_slice(LABEL);
    data[8] = header;
    data[9..17].copy_from_slice(&binding.dev_eui.0);
    data[17..21].copy_from_slice(&binding.epoch.to_le_bytes());
    data[21..26].copy_from_slice(&counter.to_le_bytes()[..5]);
    data[26] = binding.fport;
    data
}

/// Counters of one direction, used only after storage holds their reservation.
///
/// After a power cut the owner goes on at the stored limit. The cut spends the counter that was wanted next, at most
/// [`COUNTER_BLOCK`] - 1 more are passed over, and none is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    next: u64,
    limit: u64,
}

impl Counters {
    /// Counters after a start, from the limit that storage holds (zero when it holds none).
    pub const fn restored(stored_limit: u64) -> Self {
        Self { next: stored_limit, limit: stored_limit }
    }

    /// The counter that [`Counters::take`] would hand out.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The next counter, if one is reserved.
    pub const fn take(&mut self) -> Option<u64> {
        if self.next >= self.limit {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }

    /// The limit that must be in storage before [`Counters::grant`] may be called with it.
    pub const fn wanted_limit(&self) -> u64 {
        let beyond = if self.next > self.limit { self.next } else { self.limit };
        beyond + COUNTER_BLOCK
    }

    /// Goes on at the next counter with these low 16 bits, unless it is nearer behind: the reader refuses those before
    /// it ([`crate::epoch::Epochs::downlinks_from`]).
    pub const fn pass_over(&mut self, low: u16) {
        let ahead = low.wrapping_sub(self.next as u16) as u64;
        if ahead < 1 << 15 && self.next + ahead < COUNTER_END {
            self.next += ahead;
        }
    }

    /// Storage now holds `limit`.
    pub const fn grant(&mut self, limit: u64) {
        if limit > self.limit {
            self.limit = limit;
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
