//! Errors, and the vectors that they are measured on.
use crate::codecs::Codec;
use anyhow::Result;
use chirrup_protocol::codec::CodecError;
use chirrup_protocol::codec::feedback::Residual;
use chirrup_protocol::codec::random::Random;

/// Room for any update in one block.
pub const ONE_BLOCK: usize = 4_096;
/// Normal vectors that an error is the mean over.
pub const VECTORS: u32 = 100;

/// Normally distributed numbers (Box and Muller 1958).
pub fn gaussian(length: usize, seed: u32) -> Vec<f32> {
    let mut random = Random::new(seed, 77);
    let mut number = || {
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - random.uniform()));
        radius * libm::cosf(core::f32::consts::TAU * random.uniform())
    };
    (0..length).map(|_| number()).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// |a - b|² / |a|².
pub fn nmse(a: &[f32], b: &[f32]) -> f64 {
    let error: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    dot(&error, &error) / dot(a, a)
}

/// Cosine of the angle between two vectors; zero when one of them is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let lengths = libm::sqrt(dot(a, a) * dot(b, b));
    if lengths == 0.0 { 0.0 } else { dot(a, b) / lengths }
}

/// Bytes and error of a codec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Point {
    /// Payload bytes, mean.
    pub bytes: f64,
    /// Normalised squared error or cosine, mean.
    pub value: f64,
}

impl Point {
    fn add(&mut self, bytes: usize, value: f64, of: u32) {
        self.bytes += bytes as f64 / f64::from(of);
        self.value += value / f64::from(of);
    }
}

/// Bytes and normalised squared error on normal vectors.
pub fn on_gaussian(codec: &mut Codec, length: usize) -> Result<Point> {
    let mut mean = Point::default();
    for seed in 0..VECTORS {
        let update = gaussian(length, seed);
        let whole = codec.whole(&update, seed, ONE_BLOCK)?;
        mean.add(whole.bytes, nmse(&update, &whole.decoded), VECTORS);
    }
    Ok(mean)
}

/// What a federation has of one node's updates, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// Payload bytes of a contribution, mean.
    pub bytes: f64,
    /// Cosine between an update and what is decoded of it alone, mean.
    pub once: f64,
    /// Cosine between the sum of all updates and the sum of all that was decoded.
    pub sum: f64,
}

/// Sends each of a node's `updates` in `frames` payloads of `room` bytes (none: in as many as it takes). What was not
/// sent stays owed; what was sent and rounded away is owed where the codec allows error feedback. `once`, the same
/// codec, encodes each update by itself.
pub fn hear(
    once: &mut Codec,
    codec: &mut Codec,
    updates: &[Vec<f32>],
    room: usize,
    frames: Option<usize>,
) -> Result<Heard> {
    let params = updates[0].len();
    let (mut owed, mut said, mut truth) = (vec![0.0; params], vec![0.0; params], vec![0.0; params]);
    let (mut heard, mut start) = (Heard::default(), 0);
    for (number, update) in updates.iter().enumerate() {
        add(&mut truth, update);
        heard.once +=
            cosine(update, &first(once, update, number as u32, room, frames)?) / updates.len() as f64;
        add(&mut owed, update);
        let mut left = frames.unwrap_or(usize::MAX);
        loop {
            let seed = (number as u32) << 16 | start as u32;
            let block = match codec.block(&owed, start, seed, room) {
                Ok(block) => block,
                Err(CodecError::Nothing) => break,
                Err(error) => return Err(error.into()),
            };
            heard.bytes += block.payload.len() as f64 / updates.len() as f64;
            add(&mut said, &block.decoded);
            match codec.feedback {
                Some(contractive) => {
                    Residual::new(&mut owed, contractive).subtract(block.range.clone(), &block.decoded)
                }
                None => owed[block.range.clone()].fill(0.0),
            }
            start = block.range.end % params;
            left -= 1;
            if left == 0 || frames.is_none() && start == 0 {
                break;
            }
        }
    }
    heard.sum = cosine(&truth, &said);
    Ok(heard)
}

/// What is decoded of one update alone.
fn first(
    codec: &mut Codec,
    update: &[f32],
    seed: u32,
    room: usize,
    frames: Option<usize>,
) -> Result<Vec<f32>> {
    match frames {
        None => Ok(codec.whole(update, seed, room)?.decoded),
        Some(_) => Ok(codec.block(update, 0, seed, room)?.decoded),
    }
}

fn add(sum: &mut [f32], terms: &[f32]) {
    sum.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}
