//! One file a family.
mod inference;
mod least_squares;
mod linear;
mod neighbours;
mod network;
mod one_versus_one;
mod scalar;
mod signals;
mod softmax;
mod streams;
mod trees;

use crate::Exercise;
use chirrup_learn::scalar::Fixed;

/// Takes exercises of any type.
pub trait Visitor {
    /// Called for each exercise.
    fn visit<E: Exercise>(&mut self);
}

/// Shows all exercises to a visitor, in the order of the table.
pub fn visit(visitor: &mut impl Visitor) {
    visitor.visit::<softmax::Softmax>();
    visitor.visit::<linear::TrainPlusPlus<f32>>();
    visitor.visit::<linear::TrainPlusPlus<Fixed>>();
    visitor.visit::<linear::OptSgd<f32>>();
    visitor.visit::<linear::OptSgd<Fixed>>();
    visitor.visit::<one_versus_one::Voting<f32>>();
    visitor.visit::<one_versus_one::Voting<Fixed>>();
    visitor.visit::<one_versus_one::Bytes>();
    visitor.visit::<one_versus_one::Reduced>();
    visitor.visit::<linear::Svm>();
    visitor.visit::<linear::Discriminant>();
    visitor.visit::<network::Whole<f32>>();
    visitor.visit::<network::Whole<Fixed>>();
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
    visitor.visit::<trees::Hoeffding<50>>();
    visitor.visit::<trees::Hoeffding<1>>();
    visitor.visit::<trees::Forest>();
    visitor.visit::<streams::Replay>();
    visitor.visit::<streams::PageHinkley>();
    visitor.visit::<streams::Adwin>();
    visitor.visit::<streams::Running>();
    visitor.visit::<signals::Spectrum>();
    visitor.visit::<signals::Statistics>();
}
