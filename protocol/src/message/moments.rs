//! A block of a node's moments: for consecutive features their sum and sum of squares over `count` samples.
//!
//! ```text
//! byte 0-1  first feature
//!      2    form: 0 whole numbers, 1 single precision
//!      3..  count, LEB128, at least 1
//!           for each feature: sum, sum of squares
//! form 0:   sum zigzag LEB128, sum of squares LEB128
//! form 1:   both as IEEE 754 single precision, little-endian
//! ```
//! The number of features follows from the length. A block stands alone, and each feature counts once a node.
use super::{DoesNotFit, MessageError};
use crate::wire::{Reader, Writer, varint_bytes};

const WHOLE: u8 = 0;
const SINGLE: u8 = 1;

/// Sum and sum of squares of one feature, in single precision: what travels is what is summed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FeatureMoments {
    /// Sum of the values.
    pub sum: f32,
    /// Sum of their squares.
    pub sum_of_squares: f32,
}

/// A block of moments, read.
#[derive(Clone, Copy, Debug)]
pub struct Moments<'a> {
    /// Index of the first feature.
    pub first_feature: u16,
    /// Samples behind each sum.
    pub count: u32,
    form: u8,
    body: &'a [u8],
}

/// What [`emit`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// Bytes written.
    pub bytes: usize,
    /// Features that the block holds.
    pub features: usize,
}

/// Writes as many of `features` as fit, in the shorter of the two forms that lose nothing. At least one must fit.
pub fn emit(
    first_feature: u16,
    count: u32,
    features: &[FeatureMoments],
    buffer: &mut [u8],
) -> Result<Emitted, DoesNotFit> {
    let have_bytes = buffer.len();
    let room = have_bytes.saturating_sub(3 + varint_bytes(count));
    let whole = fitting_whole(features, room);
    let (form, fitting) = match whole {
        Some(fitting) if fitting >= (room / 8).min(features.len()) => (WHOLE, fitting),
        _ => (SINGLE, (room / 8).min(features.len())),
    };
    if fitting == 0 {
        return Err(DoesNotFit { have_bytes });
    }
    let mut writer = Writer::new(buffer);
    let written = (|| {
        writer.u16(first_feature)?;
        writer.u8(form)?;
        writer.varint(count)?;
        features[..fitting].iter().try_for_each(|feature| write_feature(&mut writer, form, *feature))
    })();
    written.ok_or(DoesNotFit { have_bytes })?;
    Ok(Emitted { bytes: writer.used(), features: fitting })
}

/// How many features fit in whole numbers; `None` if the first already has a fraction or is too large.
fn fitting_whole(features: &[FeatureMoments], room: usize) -> Option<usize> {
    let mut used = 0;
    let mut fitting = 0;
    for feature in features {
        let (Some(sum), Some(squares)) = (zigzag(feature.sum), whole(feature.sum_of_squares)) else { break };
        used += varint_bytes(sum) + varint_bytes(squares);
        if used > room {
            break;
        }
        fitting += 1;
    }
    (fitting > 0).then_some(fitting)
}

/// The value as a whole number, if it is one below 2^31.
fn whole(value: f32) -> Option<u32> {
    let number = value as u32;
    (number < 1 << 31 && number as f32 == value && !(value == 0.0 && value.is_sign_negative()))
        .then_some(number)
}

fn zigzag(value: f32) -> Option<u32> {
    if value < 0.0 {
        whole(-value).map(|number| number * 2 - 1)
    } else {
        whole(value).map(|number| number * 2)
    }
}

const fn unzigzag(value: u32) -> f32 {
    if value & 1 == 1 { -((value / 2 + 1) as f32) } else { (value / 2) as f32 }
}

fn write_feature(writer: &mut Writer<'_>, form: u8, feature: FeatureMoments) -> Option<()> {
    if form == WHOLE {
        writer.varint(zigzag(feature.sum)?)?;
        writer.varint(whole(feature.sum_of_squares)?)
    } else {
        writer.f32(feature.sum)?;
        writer.f32(feature.sum_of_squares)
    }
}

fn read_feature(reader: &mut Reader<'_>, form: u8) -> Result<FeatureMoments, MessageError> {
    let feature = if form == WHOLE {
        let sum = reader.varint().ok_or(MessageError::Truncated)?;
        let squares = reader.varint().ok_or(MessageError::Truncated)?;
        FeatureMoments { sum: unzigzag(sum), sum_of_squares: squares as f32 }
    } else {
        let sum = reader.f32().ok_or(MessageError::Truncated)?;
        FeatureMoments { sum, sum_of_squares: reader.f32().ok_or(MessageError::Truncated)? }
    };
    if !feature.sum.is_finite() || !feature.sum_of_squares.is_finite() || feature.sum_of_squares < 0.0 {
        return Err(MessageError::BadField { field: "moments" });
    }
    Ok(feature)
}

impl<'a> Moments<'a> {
    /// Reads a block, and checks every feature in it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes);
        let first_feature = reader.u16().ok_or(MessageError::Truncated)?;
        let form = reader.u8().ok_or(MessageError::Truncated)?;
        if form > SINGLE {
            return Err(MessageError::BadField { field: "form" });
        }
        let count = reader.varint().ok_or(MessageError::Truncated)?;
        if count == 0 {
            return Err(MessageError::BadField { field: "count" });
        }
        let body = reader.rest();
        if body.is_empty() {
            return Err(MessageError::Truncated);
        }
        let block = Self { first_feature, count, form, body };
        let mut check = Reader::new(body);
        while check.remaining() > 0 {
            read_feature(&mut check, form)?;
        }
        Ok(block)
    }

    /// The features' moments, from the first on.
    pub fn features(&self) -> impl Iterator<Item = FeatureMoments> + use<'a> {
        let (mut reader, form) = (Reader::new(self.body), self.form);
        core::iter::from_fn(
            move || if reader.remaining() == 0 { None } else { read_feature(&mut reader, form).ok() },
        )
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn moments(sum: f32, sum_of_squares: f32) -> FeatureMoments {
        FeatureMoments { sum, sum_of_squares }
    }

    #[test]
    fn the_bytes_are_as_specified() {
        let mut bytes = [0; 32];
        let features = [moments(-2.0, 300.0), moments(5.0, 25.0)];
        let emitted = emit(258, 200, &features, &mut bytes).unwrap();
        assert_eq!(emitted, Emitted { bytes: 10, features: 2 });
        assert_eq!(bytes[..10], [2, 1, 0, 0xc8, 1, 3, 0xac, 2, 10, 25]);
        let block = Moments::parse(&bytes[..10]).unwrap();
        assert_eq!((block.first_feature, block.count), (258, 200));
        assert_eq!(block.features().collect::<Vec<_>>(), features);

        let emitted = emit(0, 1, &[moments(0.5, 0.25)], &mut bytes).unwrap();
        assert_eq!(emitted, Emitted { bytes: 12, features: 1 });
        assert_eq!(bytes[..12], [0, 0, 1, 1, 0, 0, 0, 0x3f, 0, 0, 0x80, 0x3e]);
    }

    #[test]
    fn a_block_takes_what_fits() {
        let mut bytes = [0; 20];
        let emitted = emit(0, 1, &[moments(0.5, 0.25); 9], &mut bytes).unwrap();
        assert_eq!(emitted, Emitted { bytes: 20, features: 2 });
        assert_eq!(emit(0, 1, &[moments(0.5, 0.25)], &mut bytes[..11]), Err(DoesNotFit { have_bytes: 11 }));
    }

    #[test]
    fn sums_without_meaning_are_refused() {
        let not_a_number = [0, 0, 1, 1, 0, 0, 0xc0, 0x7f, 0, 0, 0, 0];
        assert_eq!(Moments::parse(&not_a_number).unwrap_err(), MessageError::BadField { field: "moments" });
        assert_eq!(
            Moments::parse(&[0, 0, 0, 0, 1, 1]).unwrap_err(),
            MessageError::BadField { field: "count" }
        );
        assert_eq!(
            Moments::parse(&[0, 0, 9, 1, 1, 1]).unwrap_err(),
            MessageError::BadField { field: "form" }
        );
        assert_eq!(Moments::parse(&[0, 0, 0, 1]).unwrap_err(), MessageError::Truncated);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            values in proptest::collection::vec((-1e6f32..1e6, any::<bool>()), 1..40),
            room in 16usize..222,
        ) {
            let features: Vec<_> = values.iter().map(|&(value, round)| {
                let value = if round { libm::roundf(value) } else { value };
                moments(value, value * value)
            }).collect();
            let mut bytes = [0; 222];
            let emitted = emit(3, 17, &features, &mut bytes[..room]).unwrap();
            let block = Moments::parse(&bytes[..emitted.bytes]).unwrap();
            let read: Vec<_> = block.features().collect();
            prop_assert_eq!(&read[..], &features[..emitted.features]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(block) = Moments::parse(&bytes) {
                prop_assert!(block.features().count() > 0);
            }
        }
    }
}
