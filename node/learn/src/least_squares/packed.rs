//! Symmetric matrices of which only the upper triangle is kept: row by row, each from its diagonal on.
//!
//! State: `2 * size * (size + 1)` bytes. What is written once cannot become asymmetric by rounding. Rows lie in one
//! piece, so a product, a rank-one update and Cholesky's factor (Golub and Van Loan, Matrix Computations, 4.2, outer
//! product form) all run along rows: `size^2`, `size^2 / 2` and `size^3 / 6` multiplications.
use crate::dot::{add_scaled, dot};
use crate::{LearnError, check_length};

/// Entries of a matrix of `size` rows.
pub const fn len(size: usize) -> usize {
    size * (size + 1) / 2
}

/// Place of the entry (row, column), in either order.
pub(crate) const fn place(size: usize, row: usize, column: usize) -> usize {
    let (row, column) = if row < column { (row, column) } else { (column, row) };
    len(size) - len(size - row) + column - row
}

/// The row from its diagonal on, `[size - row]`.
fn row_of(matrix: &[f32], size: usize, row: usize) -> &[f32] {
    let start = len(size) - len(size - row);
    &matrix[start..start + size - row]
}

/// Calls `each` with every row, from its diagonal on, and the row's index.
fn for_rows(matrix: &mut [f32], size: usize, mut each: impl FnMut(usize, &mut [f32])) {
    let mut rest = matrix;
    for index in 0..size {
        let (row, below) = rest.split_at_mut(size - index);
        each(index, row);
        rest = below;
    }
}

/// Makes the matrix `value` times the identity.
pub fn set_identity(matrix: &mut [f32], size: usize, value: f32) -> Result<(), LearnError> {
    check_length("matrix", matrix.len(), len(size))?;
    matrix.fill(0.0);
    add_to_diagonal(matrix, size, value);
    Ok(())
}

/// Adds `value` to every entry of the diagonal.
pub(crate) fn add_to_diagonal(matrix: &mut [f32], size: usize, value: f32) {
    for_rows(matrix, size, |_, row| row[0] += value);
}

/// Whether all of the diagonal is above zero, as it is in every positive definite matrix.
pub(crate) fn has_positive_diagonal(matrix: &[f32], size: usize) -> bool {
    (0..size).all(|row| row_of(matrix, size, row)[0] > 0.0)
}

/// The matrix times `vector`, into `product` (`[size]` both).
pub fn multiply(matrix: &[f32], vector: &[f32], product: &mut [f32]) -> Result<(), LearnError> {
    let size = vector.len();
    check_length("matrix", matrix.len(), len(size))?;
    check_length("product", product.len(), size)?;
    product.fill(0.0);
    for (index, &factor) in vector.iter().enumerate() {
        let row = row_of(matrix, size, index);
        product[index] += dot(row, &vector[index..]);
        add_scaled(&mut product[index + 1..], factor, &row[1..]);
    }
    Ok(())
}

/// Adds `factor` times the outer product of `vector` (`[size]`) with itself.
pub fn add_outer(matrix: &mut [f32], factor: f32, vector: &[f32]) -> Result<(), LearnError> {
    let size = vector.len();
    check_length("matrix", matrix.len(), len(size))?;
    for_rows(matrix, size, |index, row| add_scaled(row, factor * vector[index], &vector[index..]));
    Ok(())
}

/// Replaces the matrix A by the upper triangle R with R' R = A.
///
/// Errors: [`LearnError::NotDefinite`] where A is not positive definite in single precision; the matrix is spoilt
/// then, so it is one that the caller can do without.
pub fn factor(matrix: &mut [f32], size: usize) -> Result<(), LearnError> {
    check_length("matrix", matrix.len(), len(size))?;
    let mut rest = matrix;
    for index in 0..size {
        let (row, below) = rest.split_at_mut(size - index);
        if !(row[0] > 0.0 && row[0].is_finite()) {
            return Err(LearnError::NotDefinite { row: index });
        }
        let pivot = libm::sqrtf(row[0]);
        row.iter_mut().for_each(|entry| *entry /= pivot);
        for_rows(below, size - index - 1, |next, target| {
            add_scaled(target, -row[next + 1], &row[next + 1..]);
        });
        rest = below;
    }
    Ok(())
}

/// Solves R' Y = B in place, `rhs` being B, `[size][columns]`.
pub fn solve_lower(factor: &[f32], size: usize, rhs: &mut [f32], columns: usize) -> Result<(), LearnError> {
    check_length("factor", factor.len(), len(size))?;
    check_length("right-hand side", rhs.len(), size * columns)?;
    for index in 0..size {
        let row = row_of(factor, size, index);
        let (done, below) = rhs.split_at_mut((index + 1) * columns);
        let solved = &mut done[index * columns..];
        solved.iter_mut().for_each(|entry| *entry /= row[0]);
        for (offset, entry) in row[1..].iter().enumerate() {
            add_scaled(&mut below[offset * columns..(offset + 1) * columns], -entry, solved);
        }
    }
    Ok(())
}

/// Solves R X = Y in place, `rhs` being Y, `[size][columns]`.
pub fn solve_upper(factor: &[f32], size: usize, rhs: &mut [f32], columns: usize) -> Result<(), LearnError> {
    check_length("factor", factor.len(), len(size))?;
    check_length("right-hand side", rhs.len(), size * columns)?;
    for index in (0..size).rev() {
        let row = row_of(factor, size, index);
        let (above, solved) = rhs.split_at_mut((index + 1) * columns);
        let unsolved = &mut above[index * columns..];
        for (offset, entry) in row[1..].iter().enumerate() {
            add_scaled(unsolved, -entry, &solved[offset * columns..(offset + 1) * columns]);
        }
        unsolved.iter_mut().for_each(|entry| *entry /= row[0]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// A A' + I / 2 of a seeded A, full and packed.
    fn definite(size: usize, seed: u64) -> (Vec<Vec<f32>>, Vec<f32>) {
        let mut random = Random::new(seed);
        let root: Vec<Vec<f32>> =
            (0..size).map(|_| (0..size).map(|_| random.symmetric()).collect()).collect();
        let entry = |i: usize, j: usize| dot(&root[i], &root[j]) + if i == j { 0.5 } else { 0.0 };
        let full: Vec<Vec<f32>> = (0..size).map(|i| (0..size).map(|j| entry(i, j)).collect()).collect();
        let packed = (0..size).flat_map(|i| full[i][i..].to_vec()).collect();
        (full, packed)
    }

    #[test]
    fn products_and_updates_are_those_of_the_full_matrix() {
        for size in 0..20 {
            let (full, mut packed) = definite(size, 5);
            let vector: Vec<f32> = (0..size).map(|i| i as f32 - 3.0).collect();
            let mut product = vec![9.0; size];
            multiply(&packed, &vector, &mut product).unwrap();
            for (row, have) in full.iter().zip(&product) {
                let expected: f32 = row.iter().zip(&vector).map(|(a, b)| a * b).sum();
                assert!((have - expected).abs() <= 1e-4 * (1.0 + expected.abs()));
            }
            add_outer(&mut packed, -0.25, &vector).unwrap();
            for i in 0..size {
                for j in i..size {
                    let expected = full[i][j] - 0.25 * vector[i] * vector[j];
                    assert!((row_of(&packed, size, i)[j - i] - expected).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn a_solution_solves() {
        for (size, columns) in [(0, 1), (1, 1), (2, 3), (7, 1), (24, 4)] {
            let (full, mut packed) = definite(size, 11);
            let mut random = Random::new(2);
            let rhs: Vec<f32> = (0..size * columns).map(|_| random.symmetric()).collect();
            let mut solution = rhs.clone();
            factor(&mut packed, size).unwrap();
            solve_lower(&packed, size, &mut solution, columns).unwrap();
            solve_upper(&packed, size, &mut solution, columns).unwrap();
            for (i, row) in full.iter().enumerate() {
                for c in 0..columns {
                    let got: f32 = row.iter().enumerate().map(|(j, a)| a * solution[j * columns + c]).sum();
                    assert!((got - rhs[i * columns + c]).abs() < 1e-3, "{size} {columns}: {got}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_definite_or_of_another_size_is_refused() {
        let first = Err(LearnError::NotDefinite { row: 0 });
        assert_eq!(factor(&mut [1.0, 2.0, 1.0], 2), Err(LearnError::NotDefinite { row: 1 }));
        assert_eq!(factor(&mut [0.0], 1), first);
        assert_eq!(factor(&mut [f32::NAN], 1), first);
        assert_eq!(factor(&mut [f32::INFINITY], 1), first);
        let mut product = [0.0; 2];
        assert!(multiply(&[1.0; 4], &[1.0; 2], &mut product).is_err());
        assert!(multiply(&[1.0; 3], &[1.0; 2], &mut product[..1]).is_err());
        assert!(factor(&mut [1.0; 2], 2).is_err());
        assert!(solve_lower(&[1.0; 3], 2, &mut [1.0; 3], 2).is_err());
        assert!(solve_upper(&[1.0; 3], 2, &mut [1.0; 3], 2).is_err());
    }
}
