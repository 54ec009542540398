//! Orthonormal bases in which the rows of an update have few large coefficients.
//!
//! An update is rows of `columns` parameters: the weights of a class, then its bias, which stays as it is.
use super::{CodecError, dct, hadamard};

/// The basis of the weights of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The weights themselves.
    Identity,
    /// The Walsh-Hadamard transform of the first m weights, then of the last m: m the largest power of two not above
    /// their number, and the second only where m is below it. Additions alone.
    Hadamard,
    /// The discrete cosine transform of type II: for features in an order, whose neighbours are alike.
    Dct,
}

impl Basis {
    /// Numbers that [`Rows`] needs in lent memory for rows of `columns`.
    pub const fn scratch_len(self, columns: usize) -> usize {
        match self {
            Self::Identity | Self::Hadamard => columns,
            Self::Dct => columns + dct::table_len(columns - 1),
        }
    }
}

/// A basis with its memory: one row and, for cosines, their table.
#[derive(Debug)]
pub struct Rows<'a> {
    basis: Basis,
    row: &'a mut [f32],
    table: &'a mut [f32],
}

impl<'a> Rows<'a> {
    /// Takes its memory from the front of `scratch`, and returns what is left. `columns` is at least 1.
    pub fn new(
        basis: Basis,
        columns: usize,
        scratch: &'a mut [f32],
    ) -> Result<(Self, &'a mut [f32]), CodecError> {
        let (have, need) = (scratch.len(), basis.scratch_len(columns));
        let parts = scratch.split_at_mut_checked(need);
        let (own, rest) = parts.ok_or(CodecError::ScratchTooSmall { need, have })?;
        let (row, table) = own.split_at_mut(columns);
        if !table.is_empty() {
            dct::fill_table(table);
        }
        Ok((Self { basis, row, table }, rest))
    }

    /// Each coefficient of an update, `[rows][columns]`, from the first to the last.
    pub fn for_each(&mut self, update: &[f32], mut see: impl FnMut(usize, f32)) {
        let columns = self.row.len();
        for (number, row) in update.chunks_exact(columns).enumerate() {
            self.forward(row);
            let first = number * columns;
            self.row.iter().enumerate().for_each(|(index, coefficient)| see(first + index, *coefficient));
        }
    }

    /// Turns coefficients, `[rows][columns]`, into the update, in place.
    pub fn inverse(&mut self, update: &mut [f32]) {
        let features = self.row.len() - 1;
        for row in update.chunks_exact_mut(features + 1) {
            let weights = &mut row[..features];
            match self.basis {
                Basis::Identity => (),
                Basis::Hadamard => hadamard_inverse(weights),
                Basis::Dct => {
                    self.row[..features].copy_from_slice(weights);
                    dct::inverse(self.table, &self.row[..features], weights);
                }
            }
        }
    }

    fn forward(&mut self, row: &[f32]) {
        let features = row.len() - 1;
        self.row.copy_from_slice(row);
        match self.basis {
            Basis::Identity => (),
            Basis::Hadamard => hadamard_forward(&mut self.row[..features]),
            Basis::Dct => dct::forward(self.table, &row[..features], &mut self.row[..features]),
        }
    }
}

fn hadamard_forward(weights: &mut [f32]) {
    let power = hadamard::largest_power(weights.len());
    let rest = weights.len() - power;
    hadamard::transform(&mut weights[..power]);
    if rest > 0 {
        hadamard::transform(&mut weights[rest..]);
    }
}

fn hadamard_inverse(weights: &mut [f32]) {
    let power = hadamard::largest_power(weights.len());
    let rest = weights.len() - power;
    if rest > 0 {
        hadamard::transform(&mut weights[rest..]);
    }
    hadamard::transform(&mut weights[..power]);
}
