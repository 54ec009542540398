//! Speed and size beside general serialisers and a general compressor, in the same run.
use crate::codecs;
use crate::measure::ONE_BLOCK;
use anyhow::{Context, Result};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What one way of sending an update costs.
pub struct Row {
    /// Which.
    pub name: String,
    /// Bytes of the update.
    pub bytes: usize,
    encode: Duration,
    decode: Duration,
}

impl Row {
    /// Times of encoding and decoding as multiples of another row's.
    pub fn times(&self, other: &Self) -> (f64, f64) {
        let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        (ratio(self.encode, other.encode), ratio(self.decode, other.decode))
    }
}

/// The best of many means over about a millisecond: what is slower was disturbed.
fn time(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    const REPETITIONS: u32 = 60;
    let start = Instant::now();
    work()?;
    let runs =
        (Duration::from_millis(1).as_nanos() / start.elapsed().as_nanos().max(1)).clamp(1, 20_000) as u32;
    let mut best = Duration::MAX;
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        for _ in 0..runs {
            work()?;
        }
        best = best.min(start.elapsed() / runs);
    }
    Ok(best)
}

/// `postcard` and `zstd` first: the others are compared with it.
pub fn rows(update: &[f32]) -> Result<Vec<Row>> {
    let mut rows = vec![compressed(update, 3)?, compressed(update, 19)?, postcard(update)?, bincode(update)?];
    for mut codec in codecs::all() {
        let (mut payload, mut decoded) = (vec![0; ONE_BLOCK], vec![0.0; update.len()]);
        let bytes = codec.encode(update, 7, &mut payload)?;
        let encode = time(|| Ok(black_box(codec.encode(black_box(update), 7, &mut payload)).map(|_| ())?))?;
        let decode = time(|| Ok(black_box(codec.decode(black_box(&payload[..bytes]), 7, &mut decoded))?))?;
        rows.push(Row { name: format!("{} {}", codec.family, codec.setting), bytes, encode, decode });
    }
    Ok(rows)
}

fn compressed(update: &[f32], level: i32) -> Result<Row> {
    let encode = |update: &[f32]| -> Result<Vec<u8>> {
        Ok(zstd::bulk::compress(&postcard::to_stdvec(update)?, level)?)
    };
    let decode = |bytes: &[u8]| -> Result<Vec<f32>> {
        Ok(postcard::from_bytes(&zstd::bulk::decompress(bytes, ONE_BLOCK)?)?)
    };
    general(format!("postcard + zstd, level {level}"), update, encode, decode)
}

fn postcard(update: &[f32]) -> Result<Row> {
    let encode = |update: &[f32]| Ok(postcard::to_stdvec(update)?);
    general("postcard".into(), update, encode, |bytes| Ok(postcard::from_bytes(bytes)?))
}

fn bincode(update: &[f32]) -> Result<Row> {
    let config = bincode::config::standard();
    let encode = move |update: &[f32]| Ok(bincode::serde::encode_to_vec(update, config)?);
    let decode = move |bytes: &[u8]| Ok(bincode::serde::decode_from_slice(bytes, config)?.0);
    general("bincode".into(), update, encode, decode)
}

fn general(
    name: String,
    update: &[f32],
    encode: impl Fn(&[f32]) -> Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Result<Vec<f32>>,
) -> Result<Row> {
    let bytes = encode(update)?;
    anyhow::ensure!(decode(&bytes)? == update, "{name} gives the update back");
    Ok(Row {
        bytes: bytes.len(),
        encode: time(|| black_box(encode(black_box(update))).map(|_| ())).context("encoding")?,
        decode: time(|| black_box(decode(black_box(&bytes))).map(|_| ())).context("decoding")?,
        name,
    })
}
