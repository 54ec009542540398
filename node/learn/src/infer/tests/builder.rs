//! Writes images, for tests.
use crate::infer::fixed::Multiplier;
use crate::infer::image::{HEADER_BYTES, MAGIC, OPERATOR_BYTES, Operator, TENSOR_BYTES, Tensor, VERSION};

/// A network with the first tensor as its input and the last as its output.
#[derive(Default)]
pub struct Builder {
    pub tensors: Vec<Tensor>,
    pub operators: Vec<Operator>,
    data: Vec<u8>,
}

impl Builder {
    /// Adds data and returns its place, counted from the end of the tables; `finish` moves it there.
    pub fn data(&mut self, bytes: impl IntoIterator<Item = u8>) -> u32 {
        let at = self.data.len() as u32;
        self.data.extend(bytes);
        at
    }

    pub fn f32s(&mut self, values: &[f32]) -> u32 {
        self.data(values.iter().flat_map(|value| value.to_le_bytes()))
    }

    pub fn multipliers(&mut self, reals: &[f64]) -> u32 {
        self.data(reals.iter().flat_map(|&real| Multiplier::of(real).unwrap().emit()))
    }

    pub fn finish(&self, arena_bytes: u32) -> Vec<u8> {
        let tables = TENSOR_BYTES * self.tensors.len() + OPERATOR_BYTES * self.operators.len();
        let base = (HEADER_BYTES + tables) as u32;
        let mut image = Vec::from(MAGIC);
        let counts = [VERSION, self.tensors.len() as u16, self.operators.len() as u16];
        let ends = [0, self.tensors.len() as u16 - 1, 0];
        image.extend(counts.into_iter().chain(ends).flat_map(u16::to_le_bytes));
        image.extend(arena_bytes.to_le_bytes());
        image.extend((base + self.data.len() as u32).to_le_bytes());
        image.extend(self.tensors.iter().flat_map(Tensor::emit));
        for operator in &self.operators {
            let mut operator = *operator;
            operator.weights += base;
            operator.bias += base;
            operator.multipliers += base;
            image.extend(operator.emit());
        }
        image.extend(&self.data);
        image
    }
}
