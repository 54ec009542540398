//! The task object: what a fleet learns, with which learner, on which scale, and when a contribution is worth its
//! airtime.
//!
//! ```text
//! byte 0      format, 1
//!      1      learner: 1 softmax regression
//!      2-3    features
//!      4-5    classes
//!      6-9    learning rate, single precision
//!      10-13  weight decay, single precision
//!      14-15  fewest examples behind a contribution
//!      16-17  most examples learnt from between two model versions
//!      18-21  price of airtime: nats of loss an example, a second on the air; single precision
//!      22     contributions a node may send between two model versions
//!      23     form of the scale: 0 half precision, 1 single precision
//!      24     number n of forms of contribution, 1 to 4
//!      25..   for each form, the preferred one first: codec, its parameter, largest codec payload in bytes
//!      25+3n.. for each feature offset and gain
//! ```
mod forms;

pub use forms::{FORM_BYTES, Form, Forms, Kind, MAX_FORMS};

use crate::message::{DoesNotFit, MessageError, emit_with, expect_end};
use crate::wire::Reader;

const FORMAT: u8 = 1;
const HALF: u8 = 0;
const SINGLE: u8 = 1;

/// Bytes before the forms of contribution.
pub const HEADER_BYTES: usize = 25;

/// How nodes learn.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Learner {
    /// Multinomial logistic regression by stochastic gradient descent.
    Softmax {
        /// Step size.
        learning_rate: f32,
        /// Weight decay.
        l2: f32,
    },
}

/// When a node contributes. The rule itself is the node's; these are its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Participation {
    /// Fewest examples behind a contribution.
    pub min_examples: u16,
    /// Most examples that a node learns from between two model versions; beyond, it would drift towards its own
    /// data.
    pub max_examples: u16,
    /// Reduction of loss, in nats an example, that a second on the air must bring when the budget is untouched.
    pub price_nats_per_s: f32,
    /// Contributions that a node may send between two model versions.
    pub max_per_version: u8,
}

/// A task without its scale, which has one entry a feature and is read and written apart.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Task {
    /// Numbers in a sample.
    pub features: u16,
    /// Labels.
    pub classes: u16,
    /// How nodes learn.
    pub learner: Learner,
    /// What contributions may be.
    pub forms: Forms,
    /// When nodes contribute.
    pub participation: Participation,
}

/// Offset and gain of a feature: `(value - offset) * gain`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// What becomes zero.
    pub offset: f32,
    /// Reciprocal of what becomes one.
    pub gain: f32,
}

impl Task {
    /// Most bytes that a task of so many features can have: all forms, and a scale in single precision.
    pub const fn max_bytes(features: usize) -> usize {
        HEADER_BYTES + MAX_FORMS * FORM_BYTES + 8 * features
    }

    /// Writes the object and returns its length. The scale, `[features]`, is written in half precision where that
    /// moves no feature by more than 1/256 of its spread.
    pub fn emit(&self, scales: &[Scale], buffer: &mut [u8]) -> Result<usize, DoesNotFit> {
        let Learner::Softmax { learning_rate, l2 } = self.learner;
        let form = if scales.iter().all(|&scale| fits_half(scale)) { HALF } else { SINGLE };
        emit_with(buffer, |writer| {
            writer.bytes(&[FORMAT, 1])?;
            writer.u16(self.features)?;
            writer.u16(self.classes)?;
            writer.f32(learning_rate)?;
            writer.f32(l2)?;
            writer.u16(self.participation.min_examples)?;
            writer.u16(self.participation.max_examples)?;
            writer.f32(self.participation.price_nats_per_s)?;
            writer.bytes(&[self.participation.max_per_version, form, self.forms.iter().count() as u8])?;
            self.forms.emit(writer)?;
            for scale in scales {
                for value in [scale.offset, scale.gain] {
                    if form == HALF { writer.f16(value)? } else { writer.f32(value)? }
                }
            }
            Some(())
        })
    }

    /// Reads the object; the scale goes to `scale(feature, value)`, in order.
    pub fn parse(bytes: &[u8], mut scale: impl FnMut(usize, Scale)) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let (task, form) = Self::parse_header(&mut reader)?;
        for feature in 0..usize::from(task.features) {
            let mut next = || if form == HALF { reader.f16() } else { reader.f32() };
            let offset = next().ok_or(MessageError::Truncated)?;
            let gain = next().ok_or(MessageError::Truncated)?;
            if !offset.is_finite() || !gain.is_finite() {
                return Err(MessageError::BadField { field: "scale" });
            }
            scale(feature, Scale { offset, gain });
        }
        expect_end(&reader)?;
        Ok(task)
    }

    fn parse_header(reader: &mut Reader<'_>) -> Result<(Self, u8), MessageError> {
        let bad = |field| Err(MessageError::BadField { field });
        let truncated = MessageError::Truncated;
        let [format, learner] = reader.array().ok_or(truncated)?;
        let features = reader.u16().ok_or(truncated)?;
        let classes = reader.u16().ok_or(truncated)?;
        let learning_rate = reader.f32().ok_or(truncated)?;
        let l2 = reader.f32().ok_or(truncated)?;
        let min_examples = reader.u16().ok_or(truncated)?;
        let max_examples = reader.u16().ok_or(truncated)?;
        let price_nats_per_s = reader.f32().ok_or(truncated)?;
        let [max_per_version, form, n_forms] = reader.array().ok_or(truncated)?;
        match () {
            () if format != FORMAT => return bad("format"),
            () if learner != 1 => return bad("learner"),
            () if features == 0 || classes < 2 => return bad("shape"),
            () if !learning_rate.is_finite() || !l2.is_finite() => return bad("learning rate"),
            () if !price_nats_per_s.is_finite() => return bad("price"),
            () if form > SINGLE => return bad("form of the scale"),
            () => {}
        }
        let participation = Participation { min_examples, max_examples, price_nats_per_s, max_per_version };
        let learner = Learner::Softmax { learning_rate, l2 };
        let forms = Forms::parse(reader, n_forms)?;
        Ok((Self { features, classes, learner, forms, participation }, form))
    }
}

fn fits_half(scale: Scale) -> bool {
    let half = |value: f32| half::f16::from_f32(value).to_f32();
    let gain = half(scale.gain);
    // A subnormal gain has lost precision.
    (scale.gain == 0.0 || gain >= 6.2e-5 && gain.is_finite())
        && libm::fabsf((half(scale.offset) - scale.offset) * scale.gain) <= 1.0 / 256.0
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn task(features: u16) -> Task {
        let participation =
            Participation { min_examples: 8, max_examples: 300, price_nats_per_s: 0.5, max_per_version: 2 };
        Task {
            features,
            classes: 10,
            learner: Learner::Softmax { learning_rate: 0.5, l2: 0.0 },
            forms: Forms::one(Form { codec: 1, parameter: 0, max_bytes: 100 }),
            participation,
        }
    }

    fn read(bytes: &[u8]) -> Result<(Task, Vec<Scale>), MessageError> {
        let mut scales = Vec::new();
        Task::parse(bytes, |_, scale| scales.push(scale)).map(|task| (task, scales))
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let mut bytes = [0; 64];
        let length = task(1).emit(&[Scale { offset: 5.0, gain: 0.25 }], &mut bytes).unwrap();
        let expected = "01010100 0a00 0000003f 00000000 0800 2c01 0000003f 02 00 01 010064 0045 0034";
        assert_eq!(hex::encode(&bytes[..length]), expected.replace(' ', ""));
        assert_eq!(length, HEADER_BYTES + FORM_BYTES + 4);
        assert_eq!(read(&bytes[..length]).unwrap(), (task(1), std::vec![Scale { offset: 5.0, gain: 0.25 }]));
    }

    #[test]
    fn a_scale_that_half_precision_would_bend_travels_in_single() {
        let mut bytes = [0; 64];
        // Air pressure in pascal: beyond half precision altogether.
        let scales = [Scale { offset: 101_325.0, gain: 0.004 }];
        let length = task(1).emit(&scales, &mut bytes).unwrap();
        assert_eq!(length, HEADER_BYTES + FORM_BYTES + 8);
        assert_eq!(read(&bytes[..length]).unwrap().1, scales);
    }

    #[test]
    fn the_largest_task_has_as_many_bytes_as_said() {
        let forms = Forms::new(&[Form { codec: 14, parameter: 2, max_bytes: 9 }; MAX_FORMS]).unwrap();
        let task = Task { forms, ..task(2) };
        let mut bytes = [0; 64];
        let length = task.emit(&[Scale { offset: 101_325.0, gain: 0.004 }; 2], &mut bytes).unwrap();
        assert_eq!(length, Task::max_bytes(2));
        assert_eq!(read(&bytes[..length]).unwrap().0, task);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(read(&bytes).is_err() || bytes[0] == FORMAT);
        }
    }
}
