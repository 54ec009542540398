//! Codecs of models. Input: a byte that chooses the shape, a byte of parameters, then the payload.
use crate::input::Input;
use chirrup_protocol::codec::{CodecError, linear};

/// Columns and rows.
const SHAPES: [(usize, usize); 6] = [(65, 10), (1, 1), (3, 2), (31, 2), (7, 5), (65, 50)];

/// Linear: a model is decoded whole and finite, or left as it was.
pub fn linear(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (columns, rows) = input.choose(&SHAPES);
    let bits = input.u8() % 10;
    let mut params = vec![f32::NAN; columns * rows];
    match linear::decode(input.rest(), columns, bits, &mut params) {
        Ok(()) => assert!(params.iter().all(|param| param.is_finite())),
        Err(error) => {
            assert!(params.iter().all(|param| param.is_nan()));
            assert_eq!(error == CodecError::UnknownWidth { bits }, !(2..=8).contains(&bits));
        }
    }
}

/// Models to start from.
pub fn linear_seeds() -> Vec<Vec<u8>> {
    let seed = |shape: u8, bits: u8| {
        let (columns, rows) = SHAPES[usize::from(shape)];
        let params: Vec<f32> = (0..columns * rows).map(|index| (index % 13) as f32 * 0.1 - 0.6).collect();
        let mut payload = vec![0; linear::encoded_bytes(rows, columns, bits)];
        let used = linear::encode(&params, columns, bits, &mut payload).expect("it fits");
        [&[shape, bits], &payload[..used]].concat()
    };
    vec![seed(0, 2), seed(1, 8), seed(2, 4), seed(3, 6)]
}
