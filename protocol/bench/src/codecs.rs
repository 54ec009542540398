//! All codecs of client updates with the settings that are compared.
use anyhow::Result;
use chirrup_protocol::codec::drive::Scale;
use chirrup_protocol::codec::feedback::Contractive;
use chirrup_protocol::codec::sparse_sign::{Basis, Options};
use chirrup_protocol::codec::terngrad::Clip;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::codec::{
    Block, CodecError, dense, drive, eden, elastic, low_rank, nuqsgd, qsgd, sign, sparse_sign, terngrad,
    threshold, topk,
};
use std::ops::Range;

type Encode = Box<dyn FnMut(&[f32], usize, u32, &mut [u8]) -> Result<Block, CodecError>>;
type Decode = Box<dyn Fn(&[u8], u32, &mut [f32]) -> Result<Range<usize>, CodecError>>;

/// A codec with its parameters and, where it keeps any, its memory of one node.
pub struct Codec {
    /// Its name.
    pub family: &'static str,
    /// Its parameters, in words.
    pub setting: String,
    /// Whether error feedback may be used with it.
    pub feedback: Option<Contractive>,
    encode: Encode,
    decode: Decode,
}

impl Codec {
    fn new(
        family: &'static str,
        setting: impl Into<String>,
        feedback: Option<Contractive>,
        encode: impl FnMut(&[f32], usize, u32, &mut [u8]) -> Result<Block, CodecError> + 'static,
        decode: impl Fn(&[u8], u32, &mut [f32]) -> Result<Range<usize>, CodecError> + 'static,
    ) -> Self {
        Self { family, setting: setting.into(), feedback, encode: Box::new(encode), decode: Box::new(decode) }
    }

    /// Encodes the block at `start` and returns its bytes and what a receiver decodes from them.
    pub fn block(
        &mut self,
        update: &[f32],
        start: usize,
        seed: u32,
        room: usize,
    ) -> Result<Said, CodecError> {
        let mut payload = vec![0; room];
        let block = (self.encode)(update, start, seed, &mut payload)?;
        payload.truncate(block.bytes);
        let mut decoded = vec![0.0; update.len()];
        let range = (self.decode)(&payload, seed, &mut decoded)?;
        Ok(Said { payload, range, decoded })
    }

    /// Encodes a whole update in as few blocks of `room` bytes as it takes; each block of what those before left.
    pub fn whole(&mut self, update: &[f32], seed: u32, room: usize) -> Result<Whole, CodecError> {
        let mut whole = Whole { bytes: 0, decoded: vec![0.0; update.len()] };
        let (mut left, mut start) = (update.to_vec(), 0);
        while start < update.len() {
            // Each frame of a contribution has a seed of its own.
            let said = self.block(&left, start, seed ^ (start as u32) << 8, room)?;
            whole.bytes += said.payload.len();
            for (index, &value) in said.decoded.iter().enumerate() {
                whole.decoded[index] += value;
                left[index] -= value;
            }
            start = said.range.end;
        }
        Ok(whole)
    }

    /// Encodes into one large payload, without decoding.
    pub fn encode(&mut self, update: &[f32], seed: u32, payload: &mut [u8]) -> Result<usize, CodecError> {
        (self.encode)(update, 0, seed, payload).map(|block| block.bytes)
    }

    /// Decodes what [`Codec::encode`] wrote.
    pub fn decode(&self, payload: &[u8], seed: u32, update: &mut [f32]) -> Result<(), CodecError> {
        (self.decode)(payload, seed, update).map(|_| ())
    }
}

/// A block, and what a receiver makes of it.
pub struct Said {
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The coordinates in it.
    pub range: Range<usize>,
    /// `[params]`; zero outside the range.
    pub decoded: Vec<f32>,
}

/// All blocks of an update together.
pub struct Whole {
    /// Payload bytes.
    pub bytes: usize,
    /// `[params]`
    pub decoded: Vec<f32>,
}

/// Parameters in a row: of a softmax model of 64 features, or of any vector of a multiple of 64.
const fn columns(params: usize) -> usize {
    if params.is_multiple_of(65) { 65 } else { 64 }
}

/// All codecs, new as for a node that has not said anything.
pub fn all() -> Vec<Codec> {
    let mut codecs = Vec::new();
    codecs.extend([
        dense("single", dense::Width::Single),
        dense("half", dense::Width::Half),
        dense("8 bits", dense::Width::Byte),
    ]);
    codecs.extend([2, 3, 4, 8].map(qsgd));
    codecs.extend([2, 3, 4].map(nuqsgd));
    codecs.extend([1, 2, 4, 16].map(elastic));
    codecs.extend([terngrad("unclipped", Clip::Never), terngrad("clipped", Clip::TwoAndAHalfSigma)]);
    codecs.push(Codec::new(
        "signs",
        "",
        Some(sign::CONTRACTIVE),
        |update, start, _, payload| sign::encode(update, start, payload),
        |payload, _, update| sign::decode(payload, update),
    ));
    codecs.extend([Scale::LeastSquares, Scale::Unbiased].map(drive));
    for kind in [Scale::LeastSquares, Scale::Unbiased] {
        codecs.extend([1, 2, 3, 4].map(|bits| eden(bits, kind)));
    }
    codecs.extend([36, 100, 207].map(topk));
    codecs.extend([1, 2].map(threshold));
    codecs.extend([3, 10, 30].map(|percent| sparse(percent, Basis::Identity)));
    codecs.extend([3, 10, 30].map(|percent| sparse(percent, Basis::Dct)));
    codecs.extend([(1, 4), (2, 4), (4, 4)].map(|(components, bits)| low_rank(components, bits)));
    codecs.extend([36, 100, 207].map(planned));
    codecs
}

fn dense(name: &str, width: dense::Width) -> Codec {
    Codec::new(
        "dense",
        name,
        Some(dense::CONTRACTIVE),
        move |update, start, _, payload| dense::encode(update, start, width, payload),
        move |payload, _, update| dense::decode(payload, width, update),
    )
}

fn bits_of(bits: u8) -> String {
    format!("{bits} bit{}", if bits == 1 { "" } else { "s" })
}

fn qsgd(bits: u8) -> Codec {
    Codec::new(
        "QSGD",
        bits_of(bits),
        None,
        move |update, start, seed, payload| qsgd::encode(update, start, bits, seed, payload),
        |payload, _, update| qsgd::decode(payload, update),
    )
}

fn nuqsgd(bits: u8) -> Codec {
    Codec::new(
        "NUQSGD",
        bits_of(bits),
        None,
        move |update, start, seed, payload| nuqsgd::encode(update, start, bits, seed, payload),
        |payload, _, update| nuqsgd::decode(payload, update),
    )
}

fn elastic(levels: u8) -> Codec {
    Codec::new(
        "elastic levels",
        format!("{levels} above zero"),
        None,
        move |update, start, seed, payload| elastic::encode(update, start, levels, seed, payload),
        |payload, _, update| elastic::decode(payload, update),
    )
}

fn terngrad(name: &str, clip: Clip) -> Codec {
    Codec::new(
        "TernGrad",
        name,
        None,
        move |update, start, seed, payload| terngrad::encode(update, start, clip, seed, payload),
        |payload, _, update| terngrad::decode(payload, update),
    )
}

const fn scale_name(kind: Scale) -> &'static str {
    match kind {
        Scale::LeastSquares => "least squares",
        Scale::Unbiased => "unbiased",
    }
}

fn drive(kind: Scale) -> Codec {
    Codec::new(
        "DRIVE",
        scale_name(kind),
        kind.contractive(),
        move |update, start, seed, payload| {
            let mut scratch = vec![0.0; update.len()];
            drive::encode(update, start, kind, seed, &mut scratch, payload)
        },
        drive::decode,
    )
}

fn eden(bits: u8, kind: Scale) -> Codec {
    Codec::new(
        "EDEN",
        format!("{}, {}", bits_of(bits), scale_name(kind)),
        kind.contractive(),
        move |update, start, seed, payload| {
            let mut scratch = vec![0.0; update.len()];
            eden::encode(update, start, bits, kind, seed, &mut scratch, payload)
        },
        eden::decode,
    )
}

fn topk(most_bytes: usize) -> Codec {
    Codec::new(
        "top-k",
        format!("in {most_bytes} B"),
        Some(topk::CONTRACTIVE),
        move |update, _, _, payload| {
            let room = payload.len().min(most_bytes);
            let bytes = topk::encode(update, &mut payload[..room])?;
            Ok(Block { bytes, end: update.len() })
        },
        decode_entries,
    )
}

/// The threshold in root mean squares of the update.
fn threshold(deviations: u8) -> Codec {
    Codec::new(
        "threshold",
        format!("of {deviations} RMS"),
        Some(threshold::CONTRACTIVE),
        move |update, _, _, payload| {
            let energy = update.iter().fold(0.0, |sum, value| sum + value * value);
            let deviation = libm::sqrtf(energy / update.len() as f32);
            let bytes = threshold::encode(update, f32::from(deviations) * deviation, payload)?;
            Ok(Block { bytes, end: update.len() })
        },
        decode_entries,
    )
}

fn decode_entries(payload: &[u8], _: u32, update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    update.fill(0.0);
    topk::decode(payload, update.len())?.for_each(|entry| update[entry.index] = entry.value);
    Ok(0..update.len())
}

fn planned(most_bytes: usize) -> Codec {
    Codec::new(
        "planned",
        format!("in frames of {most_bytes} B"),
        UpdateCodec::Planned.contractive(),
        move |update, start, seed, payload| {
            let (room, columns) = (payload.len().min(most_bytes), columns(update.len()));
            let mut scratch = vec![0.0; UpdateCodec::Planned.scratch_len(update.len(), columns)];
            UpdateCodec::Planned.encode(update, columns, start, seed, &mut scratch, &mut payload[..room])
        },
        |payload, seed, update| {
            let columns = columns(update.len());
            let mut scratch = vec![0.0; UpdateCodec::Planned.scratch_len(update.len(), columns)];
            UpdateCodec::Planned.decode(payload, columns, seed, &mut scratch, update)
        },
    )
}

fn sparse(percent: u8, basis: Basis) -> Codec {
    let options = move |params| Options { basis, columns: columns(params), percent };
    Codec::new(
        if basis == Basis::Identity { "sparse signs" } else { "sparse signs, cosines" },
        format!("{percent} %"),
        Some(sparse_sign::CONTRACTIVE),
        move |update, _, _, payload| {
            let options = options(update.len());
            let mut scratch = vec![0.0; options.scratch_len(update.len(), payload.len())];
            sparse_sign::encode(update, options, &mut scratch, payload)
        },
        move |payload, _, update| {
            let options = options(update.len());
            sparse_sign::decode(payload, options, &mut vec![0.0; options.decode_scratch_len()], update)
        },
    )
}

fn low_rank(components: u8, bits: u8) -> Codec {
    let mut warm = Vec::new();
    Codec::new(
        "low rank",
        format!("{components} of {}", bits_of(bits)),
        Some(low_rank::CONTRACTIVE),
        move |update, start, seed, payload| {
            let shape = low_rank::Shape { columns: columns(update.len()), components, bits };
            warm.resize(shape.warm_len(), 0.0);
            let mut scratch = vec![0.0; shape.scratch_len(update.len())];
            low_rank::encode(update, start, shape, &mut warm, seed, &mut scratch, payload)
        },
        |payload, _, update| low_rank::decode(payload, columns(update.len()), update),
    )
}
