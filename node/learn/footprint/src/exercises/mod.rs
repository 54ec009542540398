//! One file a family.
mod inference;
mod least_squares;
mod neighbours;
mod network;
mod softmax;

use crate::Exercise;

/// Takes exercises of any type.
pub trait Visitor {
    /// Called for each exercise.
    fn visit<E: Exercise>(&mut self);
}

/// Shows all exercises to a visitor, in the order of the table.
pub fn visit(visitor: &mut impl Visitor) {
    visitor.visit::<softmax::Softmax>();
    visitor.visit::<network::Whole<f32>>();
    visitor.visit::<network::Whole<chirrup_learn::scalar::Fixed>>();
    visitor.visit::<network::AllMoving>();
    visitor.visit::<network::SomeMoving>();
    visitor.visit::<network::Bytes>();
    visitor.visit::<network::NewHead>();
    visitor.visit::<least_squares::Steps>();
    visitor.visit::<least_squares::Batches>();
    visitor.visit::<least_squares::Sums>();
    visitor.visit::<least_squares::Detector>();
    visitor.visit::<least_squares::EchoState>();
    visitor.visit::<neighbours::Prototypes>();
    visitor.visit::<neighbours::Nearest>();
    visitor.visit::<inference::Inference<inference::Int8>>();
    visitor.visit::<inference::Inference<inference::F32>>();
    visitor.visit::<inference::Inference<inference::F16>>();
}
