//! The codecs of client updates that need nothing but the update, under one name: which one a task asks for, its encoder
//! and its decoder.
//!
//! Not among them are those that take more from their caller: [`super::elastic`] the loss, [`super::low_rank`] memory
//! between contributions.
use super::feedback::Contractive;
use super::sparse_sign::{self, Basis};
use super::{Block, CodecError, dense, drive, eden, nuqsgd, plan, qsgd, sign, terngrad, topk};
use crate::task::Form;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

/// A codec of client updates, with its parameter.
///
/// Its text is its name in configurations, such as `topk` or `eden-2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateCodec {
    /// [`super::topk`].
    TopK,
    /// [`super::dense`].
    Dense(dense::Width),
    /// [`super::qsgd`], with so many bits a coordinate, 1 to 8.
    Qsgd(u8),
    /// [`super::nuqsgd`], with so many bits a coordinate, 2 to 5.
    Nuqsgd(u8),
    /// [`super::terngrad`].
    TernGrad(terngrad::Clip),
    /// [`super::sign`].
    Sign,
    /// [`super::sparse_sign`] in a basis, as many signs as fit.
    SparseSign(Basis),
    /// [`super::drive`].
    Drive(drive::Scale),
    /// [`super::eden`], with so many bits a coordinate, 1 to 4.
    Eden(u8, drive::Scale),
    /// [`super::plan`]: for each frame the best of [`UpdateCodec::CANDIDATES`].
    Planned,
}

/// A number and parameter that no codec of client updates has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("codec {codec} with parameter {parameter} is none for updates")]
pub struct UnknownUpdateCodec {
    /// The codec's number.
    pub codec: u8,
    /// Its parameter.
    pub parameter: u8,
}

/// A name that no codec of client updates has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no codec of updates has this name; there are {}", UpdateCodec::NAMES)]
pub struct UnknownName;

impl UpdateCodec {
    /// The names in configurations.
    pub const NAMES: &str = "topk, dense-f32, dense-f16, dense-int8, qsgd-1 to qsgd-8, nuqsgd-2 to nuqsgd-5, \
        terngrad, terngrad-clipped, sign, sparse-sign, sparse-sign-hadamard, sparse-sign-dct, drive, drive-unbiased, eden-1 to eden-4, eden-1-unbiased to eden-4-unbiased, planned";

    /// What the planner chooses among: codecs whose errors may be fed back.
    pub const CANDIDATES: [Self; 8] = [
        Self::TopK,
        Self::SparseSign(Basis::Identity),
        Self::SparseSign(Basis::Dct),
        Self::Drive(drive::Scale::LeastSquares),
        Self::Eden(2, drive::Scale::LeastSquares),
        Self::Eden(3, drive::Scale::LeastSquares),
        Self::Eden(4, drive::Scale::LeastSquares),
        Self::Dense(dense::Width::Byte),
    ];

    /// All codecs, with each of their parameters.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).filter_map(|byte| Self::numbered(byte >> 4, byte & 0x0f).ok())
    }

    /// Its number and parameter, as a task and a planned payload have them. Both are below 16.
    pub const fn number(self) -> (u8, u8) {
        const fn unbiased(scale: drive::Scale) -> u8 {
            matches!(scale, drive::Scale::Unbiased) as u8
        }
        match self {
            Self::TopK => (1, 0),
            Self::Dense(dense::Width::Single) => (2, 0),
            Self::Dense(dense::Width::Half) => (3, 0),
            Self::Dense(dense::Width::Byte) => (4, 0),
            Self::Qsgd(bits) => (5, bits & 0x0f),
            Self::Nuqsgd(bits) => (6, bits & 0x0f),
            Self::TernGrad(terngrad::Clip::Never) => (8, 0),
            Self::TernGrad(terngrad::Clip::TwoAndAHalfSigma) => (8, 1),
            Self::Sign => (9, 0),
            Self::SparseSign(Basis::Identity) => (10, 0),
            Self::SparseSign(Basis::Hadamard) => (10, 1),
            Self::SparseSign(Basis::Dct) => (10, 2),
            Self::Drive(scale) => (12, unbiased(scale)),
            Self::Eden(bits, scale) => (13, unbiased(scale) << 3 | bits & 7),
            Self::Planned => (15, 0),
        }
    }

    /// The codec with a number and parameter.
    pub const fn numbered(codec: u8, parameter: u8) -> Result<Self, UnknownUpdateCodec> {
        use drive::Scale::{LeastSquares, Unbiased};
        Ok(match (codec, parameter) {
            (1, 0) => Self::TopK,
            (2, 0) => Self::Dense(dense::Width::Single),
            (3, 0) => Self::Dense(dense::Width::Half),
            (4, 0) => Self::Dense(dense::Width::Byte),
            (5, bits @ 1..=8) => Self::Qsgd(bits),
            (6, bits @ 2..=5) => Self::Nuqsgd(bits),
            (8, 0) => Self::TernGrad(terngrad::Clip::Never),
            (8, 1) => Self::TernGrad(terngrad::Clip::TwoAndAHalfSigma),
            (9, 0) => Self::Sign,
            (10, 0) => Self::SparseSign(Basis::Identity),
            (10, 1) => Self::SparseSign(Basis::Hadamard),
            (10, 2) => Self::SparseSign(Basis::Dct),
            (12, 0) => Self::Drive(LeastSquares),
            (12, 1) => Self::Drive(Unbiased),
            (13, bits @ 1..=4) => Self::Eden(bits, LeastSquares),
            (13, bits @ 9..=12) => Self::Eden(bits - 8, Unbiased),
            (15, 0) => Self::Planned,
            (codec, parameter) => return Err(UnknownUpdateCodec { codec, parameter }),
        })
    }

    /// The form of contribution that this codec makes, with at most `max_bytes` of payload.
    pub const fn form(self, max_bytes: u8) -> Form {
        let (codec, parameter) = self.number();
        Form { codec, parameter, max_bytes }
    }

    /// The codec that a form asks for.
    pub const fn of(form: Form) -> Result<Self, UnknownUpdateCodec> {
        Self::numbered(form.codec, form.parameter)
    }

    /// The promise that error feedback needs, of the codecs that can give it.
    pub const fn contractive(self) -> Option<Contractive> {
        match self {
            Self::TopK => Some(topk::CONTRACTIVE),
            Self::Dense(_) => Some(dense::CONTRACTIVE),
            Self::Qsgd(_) | Self::Nuqsgd(_) | Self::TernGrad(_) => None,
            Self::Sign => Some(sign::CONTRACTIVE),
            Self::SparseSign(_) => Some(sparse_sign::CONTRACTIVE),
            Self::Planned => Some(Contractive::PROMISE),
            Self::Drive(scale) | Self::Eden(_, scale) => scale.contractive(),
        }
    }

    /// Numbers that encoder and decoder work in at most, for an update of `params` coordinates in rows of `columns`.
    pub const fn scratch_len(self, params: usize, columns: usize) -> usize {
        match self {
            Self::TopK
            | Self::Dense(_)
            | Self::Qsgd(_)
            | Self::Nuqsgd(_)
            | Self::TernGrad(_)
            | Self::Sign => 0,
            Self::SparseSign(basis) => {
                sparse_sign_options(basis, columns).scratch_len(params, plan::MAX_PAYLOAD_BYTES)
            }
            Self::Planned => plan::scratch_len(&Self::CANDIDATES, params, columns),
            Self::Drive(_) => drive::scratch_len(params),
            Self::Eden(..) => eden::scratch_len(params),
        }
    }

    /// Encodes `update`, `[rows][columns]`, from coordinate `start` on. Sparse codecs choose among all coordinates,
    /// wherever it starts. The seed is that of the contribution.
    pub fn encode(
        self,
        update: &[f32],
        columns: usize,
        start: usize,
        seed: u32,
        scratch: &mut [f32],
        payload: &mut [u8],
    ) -> Result<Block, CodecError> {
        match self {
            Self::TopK => topk::encode(update, payload).map(|bytes| Block { bytes, end: update.len() }),
            Self::Dense(width) => dense::encode(update, start, width, payload),
            Self::Qsgd(bits) => qsgd::encode(update, start, bits, seed, payload),
            Self::Nuqsgd(bits) => nuqsgd::encode(update, start, bits, seed, payload),
            Self::TernGrad(clip) => terngrad::encode(update, start, clip, seed, payload),
            Self::Sign => sign::encode(update, start, payload),
            Self::SparseSign(basis) => {
                sparse_sign::encode(update, sparse_sign_options(basis, columns), scratch, payload)
            }
            Self::Planned => {
                let candidates = &Self::CANDIDATES;
                plan::encode(candidates, update, columns, start, seed, scratch, payload)
                    .map(|planned| planned.block)
            }
            Self::Drive(scale) => drive::encode(update, start, scale, seed, scratch, payload),
            Self::Eden(bits, scale) => eden::encode(update, start, bits, scale, seed, scratch, payload),
        }
    }

    /// Decodes a payload into its range of `update`, `[rows][columns]`.
    pub fn decode(
        self,
        payload: &[u8],
        columns: usize,
        seed: u32,
        scratch: &mut [f32],
        update: &mut [f32],
    ) -> Result<Range<usize>, CodecError> {
        match self {
            Self::TopK => decode_entries(topk::decode(payload, update.len())?, update),
            Self::Dense(width) => dense::decode(payload, width, update),
            Self::Qsgd(_) => qsgd::decode(payload, update),
            Self::Nuqsgd(_) => nuqsgd::decode(payload, update),
            Self::TernGrad(_) => terngrad::decode(payload, update),
            Self::Sign => sign::decode(payload, update),
            Self::SparseSign(basis) => {
                sparse_sign::decode(payload, sparse_sign_options(basis, columns), scratch, update)
            }
            Self::Planned => plan::decode(payload, columns, seed, scratch, update),
            Self::Drive(_) => drive::decode(payload, seed, update),
            Self::Eden(..) => eden::decode(payload, seed, update),
        }
    }
}

/// As many signs as the payload holds.
const fn sparse_sign_options(basis: Basis, columns: usize) -> sparse_sign::Options {
    sparse_sign::Options { basis, columns, percent: 100 }
}

/// Sets the entries of a sparse payload, which speaks for all coordinates.
fn decode_entries(
    entries: impl Iterator<Item = topk::Entry>,
    update: &mut [f32],
) -> Result<Range<usize>, CodecError> {
    update.fill(0.0);
    entries.for_each(|entry| update[entry.index] = entry.value);
    Ok(0..update.len())
}

impl fmt::Display for UpdateCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = |scale: &drive::Scale| match scale {
            drive::Scale::LeastSquares => "",
            drive::Scale::Unbiased => "-unbiased",
        };
        match self {
            Self::TopK => f.write_str("topk"),
            Self::Dense(dense::Width::Single) => f.write_str("dense-f32"),
            Self::Dense(dense::Width::Half) => f.write_str("dense-f16"),
            Self::Dense(dense::Width::Byte) => f.write_str("dense-int8"),
            Self::Qsgd(bits) => write!(f, "qsgd-{bits}"),
            Self::Nuqsgd(bits) => write!(f, "nuqsgd-{bits}"),
            Self::TernGrad(terngrad::Clip::Never) => f.write_str("terngrad"),
            Self::TernGrad(terngrad::Clip::TwoAndAHalfSigma) => f.write_str("terngrad-clipped"),
            Self::Sign => f.write_str("sign"),
            Self::SparseSign(Basis::Identity) => f.write_str("sparse-sign"),
            Self::SparseSign(Basis::Hadamard) => f.write_str("sparse-sign-hadamard"),
            Self::SparseSign(Basis::Dct) => f.write_str("sparse-sign-dct"),
            Self::Planned => f.write_str("planned"),
            Self::Drive(scale) => write!(f, "drive{}", suffix(scale)),
            Self::Eden(bits, scale) => write!(f, "eden-{bits}{}", suffix(scale)),
        }
    }
}

impl FromStr for UpdateCodec {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::all().find(|codec| is_text_of(name, codec)).ok_or(UnknownName)
    }
}

/// Whether `text` is how `value` shows itself; a comparison without a buffer.
fn is_text_of(text: &str, value: &impl fmt::Display) -> bool {
    struct Rest<'a>(&'a str);
    impl fmt::Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    let mut rest = Rest(text);
    fmt::write(&mut rest, format_args!("{value}")).is_ok() && rest.0.is_empty()
}

#[cfg(feature = "std")]
impl serde::Serialize for UpdateCodec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "std")]
impl<'de> serde::Deserialize<'de> for UpdateCodec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::string::String as serde::Deserialize>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::gaussian;
    use super::*;
    use crate::task::Kind;
    use std::string::ToString;
    use std::vec;

    #[test]
    fn names_and_numbers_lead_back_to_the_codec() {
        assert_eq!(UpdateCodec::all().count(), 33);
        for codec in UpdateCodec::all() {
            assert_eq!(codec.to_string().parse(), Ok(codec));
            let form = codec.form(100);
            assert_eq!(UpdateCodec::of(form), Ok(codec));
            assert_eq!(form.kind(), Some(Kind::Update));
            let family = codec.to_string();
            let family = family.split('-').next().unwrap();
            assert!(UpdateCodec::NAMES.contains(family), "{family} is among the names");
        }
        for name in ["", "topk ", "eden", "eden-5", "eden-22", "drive-", "TOPK"] {
            assert_eq!(name.parse::<UpdateCodec>(), Err(UnknownName), "{name}");
        }
        let form = Form { codec: 48, parameter: 0, max_bytes: 100 };
        assert_eq!(UpdateCodec::of(form), Err(UnknownUpdateCodec { codec: 48, parameter: 0 }));
    }

    #[test]
    fn every_codec_encodes_within_its_memory_and_decodes() {
        let (columns, seed) = (65, 9);
        let update = gaussian(650, 4);
        let energy = super::super::scale::sum(&update, |value| value * value);
        for codec in UpdateCodec::all() {
            for room in [36, 100, 207] {
                let mut scratch = vec![0.0; codec.scratch_len(650, columns)];
                let mut payload = vec![0; room];
                let block = codec.encode(&update, columns, 65, seed, &mut scratch, &mut payload).unwrap();
                let mut decoded = vec![0.0; 650];
                let payload = &payload[..block.bytes];
                let range = codec.decode(payload, columns, seed, &mut scratch, &mut decoded).unwrap();
                assert_eq!(range.end, block.end, "{codec}");
                let error = update.iter().zip(&decoded).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
                if codec.contractive().is_some() {
                    assert!(error < energy, "{codec} in {room} bytes");
                }
            }
        }
    }
}
