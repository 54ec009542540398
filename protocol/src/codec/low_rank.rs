//! A matrix as the sum of a few products of a column and a row, found by power iteration from where the last one ended
//! (PowerSGD, Vogels et al. 2019), both with a few bits a number.
//!
//! ```text
//! start, LEB128: the first coordinate of a row; then in bits:
//! bits 0-2    components r, less one: 1 to 8
//!      3-5    bits a number b, less one: 2 to 8
//!      6..    for each component: scale S, a half without its sign; a level for each row of the block, then one for
//!             each column, as l + L, L = 2^(b-1) - 1; the last byte filled with ones
//! ```
//! A component adds `x[row] y[column] S / L`. The block is as many rows as its payload can hold, often all of them, and
//! stands alone. The share of the energy that is lost is what the matrix has beyond rank r, and the levels' part: each
//! column's factor is the best one for the row factors as they travel, and the next component mends what the levels
//! of the former ones lost.
use super::bits::{BitReader, BitWriter};
use super::block::{Block, read_start, write_start};
use super::codes::{SCALE_BITS, WIDTH_BITS};
use super::feedback::Contractive;
use super::random::Random;
use super::{CodecError, scale};
use core::ops::Range;

/// A projection never makes an error larger than its input, and neither does rounding to the nearest level.
pub const CONTRACTIVE: Contractive = Contractive::PROMISE;

/// Most components.
pub const MAX_COMPONENTS: u8 = 8;

const HEADER_BITS: usize = 2 * WIDTH_BITS as usize;

/// How a matrix is approximated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Parameters in a row of the matrix, at least 1; the number of parameters is a multiple of it.
    pub columns: usize,
    /// Products, 1 to [`MAX_COMPONENTS`].
    pub components: u8,
    /// Bits a number of their factors, 2 to 8.
    pub bits: u8,
}

impl Shape {
    /// Numbers that [`encode`] works in.
    pub const fn scratch_len(self, params: usize) -> usize {
        (params / self.columns + self.columns) * self.components as usize
    }

    /// Numbers that [`encode`] keeps between contributions: a row for each component.
    pub const fn warm_len(self) -> usize {
        self.columns * self.components as usize
    }

    /// L: levels go from -L to L.
    fn levels(self) -> Result<i32, CodecError> {
        match (self.bits, self.components) {
            (2..=8, 1..=MAX_COMPONENTS) => Ok((1 << (self.bits - 1)) - 1),
            (2..=8, _) => Err(CodecError::BadField { field: "components" }),
            (bits, _) => Err(CodecError::UnknownWidth { bits }),
        }
    }

    /// The rows that `body_bytes` hold, of those that are left in the matrix.
    fn rows(self, start: usize, params: usize, body_bytes: usize) -> Result<usize, CodecError> {
        if !params.is_multiple_of(self.columns) || !start.is_multiple_of(self.columns) {
            return Err(CodecError::BadField { field: "start" });
        }
        let component_bits = (body_bytes * 8).saturating_sub(HEADER_BITS) / usize::from(self.components);
        let numbers = component_bits.saturating_sub(SCALE_BITS as usize) / usize::from(self.bits);
        Ok(numbers.saturating_sub(self.columns).min((params - start) / self.columns))
    }

    /// Bytes of a block after its start.
    fn body_bytes(self, rows: usize) -> usize {
        let component_bits = SCALE_BITS as usize + (rows + self.columns) * usize::from(self.bits);
        (HEADER_BITS + component_bits * usize::from(self.components)).div_ceil(8)
    }
}

/// Encodes rows of `update`, `[rows][columns]`, from the one at `start` on into one block. `warm`, of
/// [`Shape::warm_len`] numbers, is zeros at first and kept between contributions. Zeros are encoded as such. Takes
/// about 2 r (r + 3) params steps for r components.
pub fn encode(
    update: &[f32],
    start: usize,
    shape: Shape,
    warm: &mut [f32],
    seed: u32,
    scratch: &mut [f32],
    payload: &mut [u8],
) -> Result<Block, CodecError> {
    let levels = shape.levels()?;
    if start >= update.len() {
        return Err(CodecError::IndexBeyondEnd { index: start, params: update.len() });
    }
    let have_bytes = payload.len();
    let (start_bytes, body) = write_start(start, payload)?;
    let rows = match shape.rows(start, update.len(), body.len())? {
        0 => return Err(CodecError::NoRoom { have_bytes }),
        rows => rows,
    };
    let end = start + rows * shape.columns;
    scale::largest_magnitude(&update[start..end])?;
    let warm = lent(warm, shape.warm_len())?;
    let scratch = lent(scratch, shape.scratch_len(end - start))?;
    let mut writer = BitWriter::new(body);
    write(&mut writer, u32::from(shape.components) - 1, WIDTH_BITS);
    write(&mut writer, u32::from(shape.bits) - 1, WIDTH_BITS);
    for (stream, direction) in warm.chunks_exact_mut(shape.columns).enumerate() {
        if direction.iter().all(|&value| value == 0.0) {
            let mut random = Random::new(seed, stream as u32);
            direction.fill_with(|| random.sign());
        }
        let (known, free) = scratch.split_at_mut(stream * (rows + shape.columns));
        let (x, y) = free[..rows + shape.columns].split_at_mut(rows);
        let residual = Residual { block: &update[start..end], known, rows, columns: shape.columns };
        let scale = residual.component(levels as f32, direction, x, y)?;
        write(&mut writer, u32::from(scale.to_bits()), SCALE_BITS);
        for &level in x.iter().chain(y.iter()) {
            write(&mut writer, (level as i32 + levels) as u32, shape.bits.into());
        }
        let step = scale.to_f32() / levels as f32;
        y.iter_mut().for_each(|level| *level *= step);
    }
    Ok(Block { bytes: start_bytes + writer.finish(), end })
}

fn write(writer: &mut BitWriter<'_>, value: u32, bits: u32) {
    writer.bits(value, bits).expect("the number of rows was chosen so that they fit");
}

fn lent(memory: &mut [f32], need: usize) -> Result<&mut [f32], CodecError> {
    let have = memory.len();
    memory.get_mut(..need).ok_or(CodecError::ScratchTooSmall { need, have })
}

/// A block less the components that are known: for each the factors of the rows, then those of the columns.
struct Residual<'a> {
    block: &'a [f32],
    known: &'a [f32],
    rows: usize,
    columns: usize,
}

impl Residual<'_> {
    /// Finds the levels `x` of the rows and `y` of the columns of the next component, and its scale. `direction` is
    /// where the search begins, and then where it ended.
    fn component(
        &self,
        levels: f32,
        direction: &mut [f32],
        x: &mut [f32],
        y: &mut [f32],
    ) -> Result<half::f16, CodecError> {
        self.times(direction, x);
        self.project(x, direction)?;
        self.times(direction, x);
        quantise(x, levels, scale::largest_magnitude(x)?);
        self.project(x, direction)?;
        y.copy_from_slice(direction);
        let scale = scale::not_below(scale::largest_magnitude(y)?)?;
        quantise(y, levels, scale.to_f32());
        Ok(scale)
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        let components = self.known.chunks_exact(self.rows + self.columns);
        components.fold(self.block[row * self.columns + column], |value, component| {
            value - component[row] * component[self.rows + column]
        })
    }

    /// x = E y
    fn times(&self, y: &[f32], x: &mut [f32]) {
        for (row, sum) in x.iter_mut().enumerate() {
            *sum = y.iter().enumerate().fold(0.0, |sum, (column, y)| sum + self.at(row, column) * y);
        }
    }

    /// y = E' x / x'x: the factors of columns that leave the least error with x.
    fn project(&self, x: &[f32], y: &mut [f32]) -> Result<(), CodecError> {
        let energy = scale::sum(x, |value| value * value);
        if !energy.is_finite() {
            return Err(CodecError::NotFinite);
        }
        for (column, product) in y.iter_mut().enumerate() {
            let sum = x.iter().enumerate().fold(0.0, |sum, (row, x)| sum + self.at(row, column) * x);
            *product = scale::ratio(sum, energy);
        }
        Ok(())
    }
}

/// Replaces values by the nearest of `levels` on either side of zero, `largest` being the last one.
fn quantise(values: &mut [f32], levels: f32, largest: f32) {
    let per_level = scale::ratio(levels, largest);
    let per_level = if per_level.is_finite() { per_level } else { 0.0 };
    values.iter_mut().for_each(|value| *value = libm::roundf(*value * per_level).clamp(-levels, levels));
}

/// Decodes a block into its rows of `update`, `[rows][columns]`.
pub fn decode(payload: &[u8], columns: usize, update: &mut [f32]) -> Result<Range<usize>, CodecError> {
    let (start, body) = read_start(payload, update.len())?;
    let mut reader = BitReader::new(body);
    let components = field(&mut reader, WIDTH_BITS)? as u8 + 1;
    let bits = field(&mut reader, WIDTH_BITS)? as u8 + 1;
    let shape = Shape { columns, components, bits };
    let levels = shape.levels()?;
    let rows = shape.rows(start, update.len(), body.len())?;
    let (have_bytes, need_bytes) = (body.len(), shape.body_bytes(rows));
    if rows == 0 {
        return Err(CodecError::Truncated);
    }
    if have_bytes != need_bytes {
        return Err(CodecError::WrongLength { have_bytes, need_bytes });
    }
    let end = start + rows * columns;
    update[start..end].fill(0.0);
    for _ in 0..components {
        add_component(&mut reader, shape, levels, &mut update[start..end])?;
    }
    reader.ones().then_some(start..end).ok_or(CodecError::BadField { field: "filling" })
}

fn add_component(
    reader: &mut BitReader<'_>,
    shape: Shape,
    levels: i32,
    block: &mut [f32],
) -> Result<(), CodecError> {
    let step = scale::read(field(reader, SCALE_BITS)? as u16)? / levels as f32;
    let level = |reader: &mut BitReader<'_>| match field(reader, shape.bits.into())? as i32 - levels {
        level if level > levels => Err(CodecError::BadField { field: "level" }),
        level => Ok(level as f32),
    };
    let mut of_rows = reader.clone();
    for _ in 0..block.len() / shape.columns {
        level(reader)?;
    }
    let of_columns = reader.clone();
    for row in block.chunks_exact_mut(shape.columns) {
        let x = level(&mut of_rows)?;
        *reader = of_columns.clone();
        for value in row {
            *value += x * (level(reader)? * step);
        }
    }
    Ok(())
}

fn field(reader: &mut BitReader<'_>, bits: u32) -> Result<u32, CodecError> {
    reader.bits(bits).ok_or(CodecError::Truncated)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::testing::{Codec, gaussian, nmse};
    use super::*;
    use std::{vec, vec::Vec};

    fn shape(columns: usize, components: u8, bits: u8) -> Shape {
        Shape { columns, components, bits }
    }

    fn codec(shape: Shape) -> Codec<'static> {
        let codec = Codec::new(
            move |update, start, payload| {
                let scratch = &mut vec![0.0; shape.scratch_len(update.len())];
                encode(update, start, shape, &mut vec![0.0; shape.warm_len()], 7, scratch, payload)
            },
            move |payload, update| decode(payload, shape.columns, update),
        );
        codec.of_rows(shape.columns, 3 + shape.body_bytes(1))
    }

    #[test]
    fn the_contract_of_codecs_holds() {
        [shape(1, 1, 2), shape(5, 1, 4), shape(9, 3, 8), shape(4, 8, 2)]
            .map(codec)
            .iter()
            .for_each(Codec::check);
    }

    #[test]
    fn the_bytes_are_as_specified() {
        // Computed from SPEC.md in Python, each operation rounded to single precision.
        let update: Vec<f32> = (0..24).map(|index| (index * index * 7 % 61) as f32 - 20.3).collect();
        let golden = [
            (1, 4, 40, "040e27783ac081397f", 24, 0x41a9_26dc),
            (2, 3, 12, "042a48308d8114979403490f", 20, 0x0000_0000),
            (
                3,
                8,
                40,
                "045da2d003b2b4589000f3c8fb34aba00226d64799e48005991e57901f800e10e018bf",
                24,
                0x41ba_a2cb,
            ),
            (1, 2, 7, "040680b8a809", 24, 0x4202_e000),
        ];
        for (components, bits, room, bytes, end, last) in golden {
            let (shape, mut payload, mut warm) = (shape(4, components, bits), [0; 40], [0.0; 12]);
            let mut scratch = vec![0.0; shape.scratch_len(20)];
            let block = encode(&update, 4, shape, &mut warm, 7, &mut scratch, &mut payload[..room]).unwrap();
            assert_eq!((hex::encode(&payload[..block.bytes]).as_str(), block.end), (bytes, end));
            let mut decoded = [9.0; 24];
            assert_eq!(decode(&payload[..block.bytes], 4, &mut decoded), Ok(4..end));
            assert_eq!((decoded[3], decoded[end - 1].to_bits()), (9.0, last));
        }
    }

    /// A matrix of rank two with a tenth of noise.
    fn low_rank_matrix(rows: usize, columns: usize) -> Vec<f32> {
        let (x, y, noise) = (gaussian(2 * rows, 1), gaussian(2 * columns, 2), gaussian(rows * columns, 3));
        let at = |row: usize, column: usize| {
            let product: f32 = (0..2).map(|k| x[2 * row + k] * y[2 * column + k]).sum();
            product + 0.1 * noise[row * columns + column]
        };
        (0..rows * columns).map(|index| at(index / columns, index % columns)).collect()
    }

    #[test]
    fn a_frame_carries_what_has_low_rank() {
        // Ten classes of 65 weights: 100 bytes hold two components with 4 bits, 5 % of which the levels lose.
        let update = low_rank_matrix(10, 65);
        assert_eq!(codec(shape(65, 2, 4)).blocks(&update, 100).len(), 1);
        for (components, bits, room, most) in [(1, 3, 36, 0.5), (2, 4, 100, 0.05), (2, 8, 207, 0.008)] {
            let decoded = codec(shape(65, components, bits)).transfer(&update, room);
            let nmse = nmse(&update, &decoded);
            assert!(nmse <= most, "{components} components of {bits} bits: {nmse}");
        }
    }

    #[test]
    fn a_warm_start_finds_more() {
        let update = low_rank_matrix(50, 100);
        let shape = shape(100, 1, 8);
        let (mut warm, mut scratch) = (vec![0.0; shape.warm_len()], vec![0.0; shape.scratch_len(5_000)]);
        assert_eq!(scratch.len(), 150);
        let mut errors = vec![];
        for _ in 0..6 {
            let mut payload = [0; 231];
            encode(&update, 0, shape, &mut warm, 7, &mut scratch, &mut payload).unwrap();
            let mut decoded = vec![0.0; 5_000];
            assert_eq!(decode(&payload[..encoded_bytes(shape)], 100, &mut decoded), Ok(0..5_000));
            errors.push(nmse(&update, &decoded));
        }
        assert!(errors[5] < errors[0], "{errors:?}");
    }

    fn encoded_bytes(shape: Shape) -> usize {
        1 + shape.body_bytes(50)
    }

    #[test]
    fn no_component_makes_the_error_larger() {
        for (seed, columns) in [(1, 3), (2, 7), (3, 20)] {
            let update = gaussian(columns * 12, seed);
            for bits in 2..=8 {
                let errors = (1..=4).map(|components| {
                    nmse(&update, &codec(shape(columns, components, bits)).transfer(&update, 231))
                });
                let errors: Vec<f64> = [1.0].into_iter().chain(errors).collect();
                assert!(errors.windows(2).all(|pair| pair[1] < pair[0] + 1e-6), "{bits} bits: {errors:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let encode = |shape: Shape, start, memory: usize| {
            encode(&[1.0; 20], start, shape, &mut [0.0; 8], 7, &mut vec![0.0; memory], &mut [0; 40]).err()
        };
        assert_eq!(encode(shape(4, 1, 9), 0, 9), Some(CodecError::UnknownWidth { bits: 9 }));
        assert_eq!(encode(shape(4, 9, 8), 0, 9), Some(CodecError::BadField { field: "components" }));
        assert_eq!(encode(shape(4, 1, 8), 2, 9), Some(CodecError::BadField { field: "start" }));
        assert_eq!(encode(shape(3, 1, 8), 0, 9), Some(CodecError::BadField { field: "start" }));
        assert_eq!(encode(shape(4, 1, 8), 0, 8), Some(CodecError::ScratchTooSmall { need: 9, have: 8 }));
        assert_eq!(encode(shape(4, 3, 8), 0, 99), Some(CodecError::ScratchTooSmall { need: 12, have: 8 }));
        // One component of two bits, scale 1; row and column 01 and 01, 11 and 01, 01 and 11; zeros at the end.
        let decode = |third, fourth| decode(&[0, 0b0000_0101, 0b1110_0000, third, fourth], 1, &mut [0.0]);
        assert_eq!(decode(0b0000_0010, 0b1111_1111), Ok(0..1));
        assert_eq!(decode(0b0000_0110, 0b1111_1111), Err(CodecError::BadField { field: "level" }));
        assert_eq!(decode(0b0000_0011, 0b1111_1111), Err(CodecError::BadField { field: "level" }));
        assert_eq!(decode(0b0000_0010, 0b1000_0000), Err(CodecError::BadField { field: "filling" }));
    }
}
