//! Codecs of client updates. Input of a decoder: a byte that chooses the size of the update, a byte of options, which
//! also is the seed, then the payload.
use crate::input::Input;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::codec::{self, Block, CodecError};
use std::ops::Range;

/// Sizes of updates: the usual ones, edges, and one of thousands.
const PARAMS: [usize; 12] = [650, 512, 1, 2, 7, 8, 64, 65, 127, 129, 300, 2_000];
/// Payloads in the smallest frame and two larger ones, and odd ones.
const ROOMS: [usize; 8] = [36, 100, 207, 231, 4, 5, 9, 64];
/// Most blocks of one update that are tried.
const MAX_BLOCKS: usize = 6;

type Encode = fn(u8, &[f32], usize, &mut [f32], &mut [u8]) -> Result<Block, CodecError>;
type Decode = fn(u8, &[u8], &mut [f32], &mut [f32]) -> Result<Range<usize>, CodecError>;

/// A codec as a target sees it. Its parameters and its seed follow from a byte of options.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    encode: Encode,
    decode: Decode,
    scratch: fn(usize) -> usize,
    /// Options that give the edges of the codec's parameters.
    options: &'static [u8],
    /// From this many bytes on a coordinate fits.
    room: usize,
    /// From this magnitude on there is something to say.
    least: f32,
}

/// What most codecs have in common.
const PLAIN: Codec = Codec {
    encode: |_, _, _, _, payload| Err(CodecError::NoRoom { have_bytes: payload.len() }),
    decode: |_, _, _, _| Err(CodecError::Truncated),
    scratch: |_| 0,
    options: &[0],
    room: 12,
    least: 1e-6,
};

const fn seed(options: u8) -> u32 {
    (options as u32).wrapping_mul(0x9e37_79b9)
}

/// Sparse top-k: the update is one block.
pub const TOPK: Codec = Codec {
    encode: |_, update, _, _, payload| {
        codec::topk::encode(update, payload).map(|bytes| Block { bytes, end: update.len() })
    },
    decode: |_, payload, _, update| {
        let params = update.len();
        let entries = codec::topk::decode(payload, params)?;
        update.fill(0.0);
        let mut next = 0;
        for entry in entries {
            assert!(entry.index >= next && entry.value != 0.0);
            update[entry.index] = entry.value;
            next = entry.index + 1;
        }
        Ok(0..params)
    },
    ..PLAIN
};

const fn width(options: u8) -> codec::dense::Width {
    match options % 3 {
        0 => codec::dense::Width::Single,
        1 => codec::dense::Width::Half,
        _ => codec::dense::Width::Byte,
    }
}

/// Dense, in its three widths.
pub const DENSE: Codec = Codec {
    encode: |options, update, start, _, payload| codec::dense::encode(update, start, width(options), payload),
    decode: |options, payload, _, update| codec::dense::decode(payload, width(options), update),
    options: &[0, 1, 2],
    ..PLAIN
};

const fn kind(options: u8) -> codec::drive::Scale {
    if options.is_multiple_of(2) { codec::drive::Scale::LeastSquares } else { codec::drive::Scale::Unbiased }
}

/// DRIVE, with both scales.
pub const DRIVE: Codec = Codec {
    encode: |options, update, start, scratch, payload| {
        codec::drive::encode(update, start, kind(options), seed(options), scratch, payload)
    },
    decode: |options, payload, _, update| codec::drive::decode(payload, seed(options), update),
    scratch: codec::drive::scratch_len,
    options: &[0, 1],
    ..PLAIN
};

/// EDEN, with both scales and all widths.
pub const EDEN: Codec = Codec {
    encode: |options, update, start, scratch, payload| {
        let bits = 1 + options / 2 % 4;
        codec::eden::encode(update, start, bits, kind(options), seed(options), scratch, payload)
    },
    decode: |options, payload, _, update| codec::eden::decode(payload, seed(options), update),
    scratch: codec::eden::scratch_len,
    options: &[0, 1, 2, 4, 6],
    ..PLAIN
};

const fn clip(options: u8) -> codec::terngrad::Clip {
    match options % 2 {
        0 => codec::terngrad::Clip::Never,
        _ => codec::terngrad::Clip::TwoAndAHalfSigma,
    }
}

/// TernGrad, clipped or not.
pub const TERNGRAD: Codec = Codec {
    encode: |options, update, start, _, payload| {
        codec::terngrad::encode(update, start, clip(options), seed(options), payload)
    },
    decode: |_, payload, _, update| codec::terngrad::decode(payload, update),
    options: &[0, 1],
    ..PLAIN
};

/// QSGD, in all widths.
pub const QSGD: Codec = Codec {
    encode: |options, update, start, _, payload| {
        codec::qsgd::encode(update, start, 1 + options % 8, seed(options), payload)
    },
    decode: |_, payload, _, update| codec::qsgd::decode(payload, update),
    options: &[0, 1, 3, 7],
    ..PLAIN
};

/// NUQSGD, in all widths.
pub const NUQSGD: Codec = Codec {
    encode: |options, update, start, _, payload| {
        codec::nuqsgd::encode(update, start, 2 + options % 4, seed(options), payload)
    },
    decode: |_, payload, _, update| codec::nuqsgd::decode(payload, update),
    options: &[0, 1, 3],
    ..PLAIN
};

/// Elastic levels.
pub const ELASTIC: Codec = Codec {
    encode: |options, update, start, _, payload| {
        codec::elastic::encode(
            update,
            start,
            1 + options % codec::elastic::MAX_LEVELS,
            seed(options),
            payload,
        )
    },
    decode: |_, payload, _, update| codec::elastic::decode(payload, update),
    options: &[0, 3, 126],
    ..PLAIN
};

/// Signs.
pub const SIGN: Codec = Codec {
    encode: |_, update, start, _, payload| codec::sign::encode(update, start, payload),
    decode: |_, payload, _, update| codec::sign::decode(payload, update),
    ..PLAIN
};

/// A shape that divides the update into rows.
fn shape(options: u8, params: usize) -> codec::low_rank::Shape {
    let widths = [[65, 10, 1], [10, 8, 1], [1, 1, 1], [8, 3, 1]][usize::from(options >> 6)];
    let columns = widths.into_iter().find(|&columns| params.is_multiple_of(columns)).unwrap_or(1);
    codec::low_rank::Shape { columns, components: 1 + options % 8, bits: 2 + (options >> 3) % 7 }
}

/// Products of low rank, of one to eight components.
pub const LOW_RANK: Codec = Codec {
    encode: |options, update, start, _, payload| {
        let shape = shape(options, update.len());
        let mut scratch = vec![f32::NAN; shape.scratch_len(update.len())];
        let mut warm = vec![0.0; shape.warm_len()];
        codec::low_rank::encode(update, start, shape, &mut warm, seed(options), &mut scratch, payload)
    },
    decode: |options, payload, _, update| {
        codec::low_rank::decode(payload, shape(options, update.len()).columns, update)
    },
    options: &[0x80, 0x91, 0x40],
    // A row for each component must fit.
    room: usize::MAX,
    ..PLAIN
};

fn sparse(options: u8, params: usize) -> codec::sparse_sign::Options {
    let columns = [65, 8, 3].into_iter().find(|&columns| params.is_multiple_of(columns)).unwrap_or(1);
    let basis = match options >> 6 {
        0 | 3 => codec::sparse_sign::Basis::Identity,
        1 => codec::sparse_sign::Basis::Hadamard,
        _ => codec::sparse_sign::Basis::Dct,
    };
    codec::sparse_sign::Options { basis, columns, percent: 1 + options % 64 }
}

/// Sparse signs in all bases: the update is one block.
pub const SPARSE_SIGN: Codec = Codec {
    encode: |options, update, _, _, payload| {
        let options = sparse(options, update.len());
        let mut scratch = vec![f32::NAN; options.scratch_len(update.len(), payload.len())];
        codec::sparse_sign::encode(update, options, &mut scratch, payload)
    },
    decode: |options, payload, _, update| {
        let options = sparse(options, update.len());
        let mut scratch = vec![f32::NAN; options.decode_scratch_len()];
        codec::sparse_sign::decode(payload, options, &mut scratch, update)
    },
    options: &[2, 63, 66, 130, 190],
    ..PLAIN
};

/// The entries above a threshold, which the options set from nothing to more than any. Their decoder is that of top-k.
pub const THRESHOLD: Codec = Codec {
    encode: |options, update, _, _, payload| {
        let threshold = f32::from(options) / 64.0;
        codec::threshold::encode(update, threshold, payload).map(|bytes| Block { bytes, end: update.len() })
    },
    decode: |_, payload, _, update| {
        // What a payload holds is cleared, and nothing else.
        let (sent, params) = (codec::threshold::decode(payload, update.len())?, update.len());
        codec::threshold::clear_sent(payload, update)?;
        for entry in sent {
            assert_eq!(update[entry.index], 0.0);
            update[entry.index] = entry.value;
        }
        update.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = 0.0);
        Ok(0..params)
    },
    options: &[0, 1, 64],
    least: 4.0,
    ..PLAIN
};

/// The planner's choice among all of its candidates.
pub const PLANNED: Codec = Codec {
    encode: |options, update, start, scratch, payload| {
        let columns = sparse(0, update.len()).columns;
        UpdateCodec::Planned.encode(update, columns, start, seed(options), scratch, payload)
    },
    decode: |options, payload, scratch, update| {
        let columns = sparse(0, update.len()).columns;
        UpdateCodec::Planned.decode(payload, columns, seed(options), scratch, update)
    },
    // No row is longer.
    scratch: |params| UpdateCodec::Planned.scratch_len(params, 65),
    ..PLAIN
};

/// Every number and parameter is a codec that says the same of itself, or none. Input: number and parameter; then text.
pub fn update_codec(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    if let Ok(codec) = UpdateCodec::numbered(input.u8(), input.u8()) {
        let (number, parameter) = codec.number();
        assert!(number < 16 && parameter < 16);
        assert_eq!(UpdateCodec::numbered(number, parameter), Ok(codec));
        assert_eq!(codec.to_string().parse(), Ok(codec));
    }
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    if let Ok(codec) = text.parse::<UpdateCodec>() {
        assert_eq!(codec.to_string(), text);
    }
}

/// Codecs to start from.
pub fn update_codec_seeds() -> Vec<Vec<u8>> {
    let seed = |codec: UpdateCodec| {
        let (number, parameter) = codec.number();
        [&[number, parameter], codec.to_string().as_bytes()].concat()
    };
    UpdateCodec::all().map(seed).collect()
}

const CODECS: [Codec; 13] = [
    TOPK,
    DENSE,
    DRIVE,
    EDEN,
    TERNGRAD,
    QSGD,
    NUQSGD,
    ELASTIC,
    SIGN,
    LOW_RANK,
    SPARSE_SIGN,
    THRESHOLD,
    PLANNED,
];

impl Codec {
    fn scratch(&self, params: usize) -> Vec<f32> {
        vec![f32::NAN; (self.scratch)(params)]
    }

    /// Decodes into an update of NaN, and checks that all of the block and nothing else was written.
    fn decode(
        &self,
        options: u8,
        payload: &[u8],
        params: usize,
    ) -> Result<(Range<usize>, Vec<f32>), CodecError> {
        let mut update = vec![f32::NAN; params];
        let block = (self.decode)(options, payload, &mut self.scratch(params), &mut update)?;
        assert!(block.start <= block.end && block.end <= params, "{block:?} of {params}");
        for (index, value) in update.iter().enumerate() {
            assert_eq!(value.is_finite(), block.contains(&index), "coordinate {index} of {block:?}: {value}");
        }
        Ok((block, update))
    }

    /// Any bytes are refused, or decode to a block of finite numbers.
    pub fn decodes(&self, bytes: &[u8]) {
        let mut input = Input::new(bytes);
        let (params, options) = (input.choose(&PARAMS), input.u8());
        // What is refused has no more to show.
        let Ok((block, _)) = self.decode(options, input.rest(), params) else { return };
        assert!(!block.is_empty());
    }

    /// Blocks to start from: the first and the second of an update, with all parameters.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for (choice, &params) in PARAMS.iter().enumerate().take(3) {
            let update: Vec<f32> = (0..params)
                .map(|index| (index % 13) as f32 * 0.01 - 0.05 + f32::from(u8::from(index % 57 == 0)))
                .collect();
            for &options in self.options {
                let mut start = 0;
                for _ in 0..2 {
                    let mut payload = vec![0; ROOMS[choice]];
                    let Ok(block) = self.encode(options, &update, start, &mut payload) else { break };
                    seeds.push([&[choice as u8, options], &payload[..block.bytes]].concat());
                    if block.end == params {
                        break;
                    }
                    start = block.end;
                }
            }
        }
        seeds
    }

    fn encode(
        &self,
        options: u8,
        update: &[f32],
        start: usize,
        payload: &mut [u8],
    ) -> Result<Block, CodecError> {
        (self.encode)(options, update, start, &mut self.scratch(update.len()), payload)
    }

    /// Whether the encoder may give this error for this update.
    fn may_refuse(&self, error: CodecError, update: &[f32], room: usize) -> bool {
        match error {
            // Halves, which scales are, end at 65,504; sums and squares of many or large numbers may exceed them.
            CodecError::NotFinite => update.iter().any(|value| !value.is_finite() || value.abs() >= 100.0),
            CodecError::Nothing => update.iter().all(|value| value.abs() < self.least),
            CodecError::NoRoom { .. } => room < self.room,
            _ => false,
        }
    }

    /// Blocks of an update tile it, each decodes alone, and to its own coordinates.
    fn tiles(&self, options: u8, update: &[f32], room: usize) {
        let mut start = 0;
        for _ in 0..MAX_BLOCKS {
            let mut payload = vec![0xa5; room];
            let block = match self.encode(options, update, start, &mut payload) {
                Ok(block) => block,
                Err(error) => {
                    return assert!(
                        self.may_refuse(error, update, room),
                        "{error} of {:?}..",
                        &update[..update.len().min(8)]
                    );
                }
            };
            assert!(block.bytes <= room && block.end > start && block.end <= update.len());
            let decoded = self.decode(options, &payload[..block.bytes], update.len());
            let (range, _) = decoded.expect("a decoder reads what its encoder wrote");
            // Sparse codecs speak for all coordinates, wherever they start.
            assert!(range == (start..block.end) || range == (0..update.len()) && block.end == update.len());
            if block.end == update.len() {
                return;
            }
            start = block.end;
        }
    }
}

/// What an encoder writes its decoder reads. Input: codec, size, options, room, magnitude; then the coordinates, a
/// byte each, or four when the magnitude says so. They repeat where they are too few.
pub fn encoders(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let codec = input.choose(&CODECS);
    let (params, options, room) = (input.choose(&PARAMS).min(650), input.u8(), input.choose(&ROOMS));
    let magnitude = input.u8();
    let exact = magnitude == 0;
    let values: Vec<f32> = match exact {
        true => input.rest().chunks(4).map(|bytes| f32::from_bits(Input::new(bytes).u32())).collect(),
        false => {
            let unit = (f32::from(magnitude) - 128.0).exp2();
            input.rest().iter().map(|&byte| f32::from(byte as i8) * unit).collect()
        }
    };
    let values = if values.is_empty() { vec![0.0] } else { values };
    let update: Vec<f32> = values.into_iter().cycle().take(params).collect();
    codec.tiles(options, &update, room);
}

/// Updates to start from, for each codec with all its parameters: usual, zero, tiny, huge, not finite.
pub fn encoders_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, codec) in CODECS.iter().enumerate() {
        for &options in codec.options {
            let usual = [number as u8, 0, options, 0, 122, 1, 0xff, 7, 100, 3, 0x80, 9];
            seeds.push(usual.to_vec());
            seeds.push([&usual[..4], &[120]].concat());
        }
        for magnitude in [1, 255] {
            seeds.push(vec![number as u8, 3, 0, 1, magnitude, 1, 2, 3]);
        }
        seeds.push([&[number as u8, 5, 0, 2, 0], &f32::NAN.to_le_bytes()[..]].concat());
    }
    seeds
}

macro_rules! targets {
    ($($name:ident, $seeds:ident, $codec:ident;)*) => {$(
        #[doc = concat!("Blocks of [`", stringify!($codec), "`].")]
        pub fn $name(bytes: &[u8]) {
            $codec.decodes(bytes);
        }

        #[doc = concat!("Blocks of [`", stringify!($codec), "`] to start from.")]
        pub fn $seeds() -> Vec<Vec<u8>> {
            $codec.seeds()
        }
    )*};
}

targets! {
    topk, topk_seeds, TOPK;
    dense, dense_seeds, DENSE;
    drive, drive_seeds, DRIVE;
    eden, eden_seeds, EDEN;
    terngrad, terngrad_seeds, TERNGRAD;
    qsgd, qsgd_seeds, QSGD;
    nuqsgd, nuqsgd_seeds, NUQSGD;
    elastic, elastic_seeds, ELASTIC;
    sign, sign_seeds, SIGN;
    low_rank, low_rank_seeds, LOW_RANK;
    sparse_sign, sparse_sign_seeds, SPARSE_SIGN;
    planned, planned_seeds, PLANNED;
}
