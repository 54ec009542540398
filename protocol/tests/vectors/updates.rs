//! The generator, and the codecs of updates.
use crate::{digits, inputs, vectors};
use chirrup_protocol::codec::random::Random;
use chirrup_protocol::codec::{
    Block, CodecError, dense, drive, eden, elastic, low_rank, nuqsgd, qsgd, sign, sparse_sign, terngrad,
    threshold, topk,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ops::Range;

/// A block of an update, and what its codec was told.
#[derive(Deserialize)]
struct BlockCase<Options> {
    input: String,
    #[serde(flatten)]
    options: Options,
    seed: u32,
    start: usize,
    room_bytes: usize,
    payload: String,
    decoded: String,
}

/// Encodes every input and decodes every payload of a codec's vectors.
fn check_blocks<Options: DeserializeOwned>(
    codec: &str,
    encode: impl Fn(&Options, &[f32], usize, u32, &mut [f32], &mut [u8]) -> Result<Block, CodecError>,
    decode: impl Fn(&Options, &[u8], u32, &mut [f32]) -> Result<Range<usize>, CodecError>,
) {
    let inputs = inputs();
    for case in vectors::<BlockCase<Options>>(codec) {
        let name = format!("{codec} of {:?} from {}, {} bytes", case.input, case.start, case.room_bytes);
        let update = &inputs[&case.input];
        let (mut payload, mut scratch) = (vec![0; case.room_bytes], vec![0.0; 4 * update.len() + 64]);
        let block = encode(&case.options, update, case.start, case.seed, &mut scratch, &mut payload);
        let block = block.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(hex::encode(&payload[..block.bytes]), case.payload, "{name}");
        let mut decoded = vec![0.0; update.len()];
        let range = decode(&case.options, &hex::decode(&case.payload).unwrap(), case.seed, &mut decoded);
        let range = range.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(range, case.start..block.end, "{name}");
        assert_eq!(digits(&decoded[range]), case.decoded, "{name}");
    }
}

#[derive(Deserialize)]
struct GeneratorCase {
    seed: u32,
    stream: u32,
    numbers: Vec<String>,
    uniforms: String,
    signs: String,
}

#[test]
fn the_generator_agrees() {
    for case in vectors::<GeneratorCase>("generator") {
        let fresh = || Random::new(case.seed, case.stream);
        let (mut numbers, mut uniforms, mut signs) = (fresh(), fresh(), fresh());
        for number in &case.numbers {
            assert_eq!(format!("{:016x}", numbers.next_u64()), *number);
        }
        let drawn: Vec<f32> = (0..case.uniforms.len() / 8).map(|_| uniforms.uniform()).collect();
        assert_eq!(digits(&drawn), case.uniforms);
        let drawn = case.signs.chars().map(|_| if signs.sign() < 0.0 { '-' } else { '+' });
        assert_eq!(drawn.collect::<String>(), case.signs);
    }
}

#[derive(Deserialize)]
struct EntriesCase {
    input: String,
    /// Of the threshold codec.
    threshold: Option<String>,
    room_bytes: usize,
    payload: String,
    decoded: String,
}

/// Encodes and decodes the vectors of a codec with the bytes of sparse top-k.
fn check_entries(codec: &str, encode: impl Fn(&EntriesCase, &[f32], &mut [u8]) -> Result<usize, CodecError>) {
    let inputs = inputs();
    for case in vectors::<EntriesCase>(codec) {
        let (update, name) = (&inputs[&case.input], format!("{}, {} bytes", case.input, case.room_bytes));
        let mut bytes = vec![0; case.room_bytes];
        let length = encode(&case, update, &mut bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(hex::encode(&bytes[..length]), case.payload, "{name}");
        let mut values = vec![0.0; update.len()];
        for entry in topk::decode(&hex::decode(&case.payload).unwrap(), update.len()).unwrap() {
            values[entry.index] = entry.value;
        }
        assert_eq!(digits(&values), case.decoded, "{name}");
    }
}

#[test]
fn sparse_top_k_agrees() {
    check_entries("topk", |_, update, payload| topk::encode(update, payload));
}

#[test]
fn threshold_accumulation_agrees() {
    check_entries("threshold", |case, update, payload| {
        let bits = case.threshold.as_deref().map(|digits| u32::from_str_radix(digits, 16).unwrap());
        threshold::encode(update, f32::from_bits(bits.expect("every case has one")), payload)
    });
}

#[derive(Deserialize)]
struct DenseOptions {
    width: String,
}

#[test]
fn dense_agrees() {
    let width = |options: &DenseOptions| match options.width.as_str() {
        "single" => dense::Width::Single,
        "half" => dense::Width::Half,
        _ => dense::Width::Byte,
    };
    check_blocks(
        "dense",
        |options, update, start, _, _, payload| dense::encode(update, start, width(options), payload),
        |options, payload, _, update| dense::decode(payload, width(options), update),
    );
}

#[derive(Deserialize)]
struct ScaleOptions {
    scale: String,
}

fn scale(name: &str) -> drive::Scale {
    match name {
        "unbiased" => drive::Scale::Unbiased,
        _ => drive::Scale::LeastSquares,
    }
}

#[test]
fn drive_agrees() {
    check_blocks(
        "drive",
        |options: &ScaleOptions, update, start, seed, scratch, payload| {
            drive::encode(update, start, scale(&options.scale), seed, scratch, payload)
        },
        |_, payload, seed, update| drive::decode(payload, seed, update),
    );
}

#[derive(Deserialize)]
struct EdenOptions {
    bits: u8,
    scale: String,
}

#[test]
fn eden_agrees() {
    check_blocks(
        "eden",
        |options: &EdenOptions, update, start, seed, scratch, payload| {
            eden::encode(update, start, options.bits, scale(&options.scale), seed, scratch, payload)
        },
        |_, payload, seed, update| eden::decode(payload, seed, update),
    );
}

#[derive(Deserialize)]
struct TernGradOptions {
    clip: bool,
}

#[test]
fn terngrad_agrees() {
    check_blocks(
        "terngrad",
        |options: &TernGradOptions, update, start, seed, _, payload| {
            let clip = if options.clip { terngrad::Clip::TwoAndAHalfSigma } else { terngrad::Clip::Never };
            terngrad::encode(update, start, clip, seed, payload)
        },
        |_, payload, _, update| terngrad::decode(payload, update),
    );
}

#[derive(Deserialize)]
struct BitsOptions {
    bits: u8,
}

#[test]
fn qsgd_agrees() {
    check_blocks(
        "qsgd",
        |options: &BitsOptions, update, start, seed, _, payload| {
            qsgd::encode(update, start, options.bits, seed, payload)
        },
        |_, payload, _, update| qsgd::decode(payload, update),
    );
}

#[test]
fn nuqsgd_agrees() {
    check_blocks(
        "nuqsgd",
        |options: &BitsOptions, update, start, seed, _, payload| {
            nuqsgd::encode(update, start, options.bits, seed, payload)
        },
        |_, payload, _, update| nuqsgd::decode(payload, update),
    );
}

#[derive(Deserialize)]
struct ElasticOptions {
    levels: u8,
}

#[test]
fn elastic_levels_agree() {
    check_blocks(
        "elastic",
        |options: &ElasticOptions, update, start, seed, _, payload| {
            elastic::encode(update, start, options.levels, seed, payload)
        },
        |_, payload, _, update| elastic::decode(payload, update),
    );
}

#[derive(Deserialize)]
struct NoOptions {}

#[test]
fn signs_agree() {
    check_blocks(
        "sign",
        |_: &NoOptions, update, start, _, _, payload| sign::encode(update, start, payload),
        |_, payload, _, update| sign::decode(payload, update),
    );
}

#[derive(Deserialize)]
struct LowRankCase {
    input: String,
    columns: usize,
    components: u8,
    bits: u8,
    start: usize,
    seeds: Vec<u32>,
    room_bytes: usize,
    payloads: Vec<String>,
    decoded: String,
}

#[test]
fn low_rank_agrees_and_so_does_what_it_keeps_between_contributions() {
    let inputs = inputs();
    for case in vectors::<LowRankCase>("low_rank") {
        let (update, columns) = (&inputs[&case.input], case.columns);
        let shape = low_rank::Shape { columns, components: case.components, bits: case.bits };
        let name = format!("{} from {}: {shape:?}, {} bytes", case.input, case.start, case.room_bytes);
        let (mut warm, mut scratch) =
            (vec![0.0; shape.warm_len()], vec![0.0; shape.scratch_len(update.len())]);
        let mut all = String::new();
        for (&seed, expected) in case.seeds.iter().zip(&case.payloads) {
            let mut payload = vec![0; case.room_bytes];
            let block =
                low_rank::encode(update, case.start, shape, &mut warm, seed, &mut scratch, &mut payload)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(hex::encode(&payload[..block.bytes]), *expected, "{name}");
            let mut decoded = vec![0.0; update.len()];
            let range = low_rank::decode(&hex::decode(expected).unwrap(), columns, &mut decoded).unwrap();
            assert_eq!(range, case.start..block.end, "{name}");
            all += &digits(&decoded[range]);
        }
        assert_eq!(all, case.decoded, "{name}");
    }
}

#[derive(Deserialize)]
struct SparseSignCase {
    input: String,
    columns: usize,
    basis: String,
    percent: u8,
    room_bytes: usize,
    payload: String,
    decoded: String,
}

#[test]
fn sparse_signs_agree() {
    let inputs = inputs();
    for case in vectors::<SparseSignCase>("sparse_sign") {
        let update = &inputs[&case.input];
        let basis = match case.basis.as_str() {
            "dct" => sparse_sign::Basis::Dct,
            "hadamard" => sparse_sign::Basis::Hadamard,
            _ => sparse_sign::Basis::Identity,
        };
        let options = sparse_sign::Options { basis, columns: case.columns, percent: case.percent };
        let name = format!("{}: {options:?}, {} bytes", case.input, case.room_bytes);
        let mut scratch = vec![0.0; options.scratch_len(update.len(), case.room_bytes)];
        let mut payload = vec![0; case.room_bytes];
        let block = sparse_sign::encode(update, options, &mut scratch, &mut payload)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(hex::encode(&payload[..block.bytes]), case.payload, "{name}");
        let mut decoded = vec![0.0; update.len()];
        let bytes = hex::decode(&case.payload).unwrap();
        let range = sparse_sign::decode(&bytes, options, &mut scratch, &mut decoded).unwrap();
        assert_eq!(range, 0..update.len(), "{name}");
        assert_eq!(digits(&decoded), case.decoded, "{name}");
    }
}
