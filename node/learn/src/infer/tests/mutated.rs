use super::super::fixed::Multiplier;
use super::super::image::{Element, ImageError, Kind, Operator, Tensor, Weights};
use super::super::network::{Network, RunError};
use super::builder::Builder;
use super::tensor;
use crate::LearnError;
use proptest::prelude::*;

/// All operators on i8, and again on f32 beside them, with conversions between.
fn image_of_everything() -> (Vec<u8>, usize) {
    let mut builder = Builder::default();
    let weights: Vec<u8> = (0..128_u8).collect();
    let all_i8 = [0x80, 0x7f];
    let all_f32 = [f32::NEG_INFINITY.to_bits(), f32::INFINITY.to_bits()];
    let shape = [3, 3, 2];
    let whole = |offset| Tensor { scale: 0.1, zero_point: 3, ..tensor(offset, shape, Element::I8) };
    builder.tensors = vec![
        whole(0),
        whole(20),
        whole(40),
        Tensor { pixel_stride: 4, ..whole(60) },
        tensor(100, shape, Element::F32),
        tensor(172, shape, Element::F32),
        tensor(244, shape, Element::F32),
        whole(316),
    ];
    let multipliers = builder.data([0.01; 3].iter().flat_map(|&real| Multiplier::of(real).unwrap().emit()));
    let data = builder.data(weights.iter().flat_map(|&weight| [weight, weight, 0, 0]));
    let window = |kind, input, output| Operator {
        kernel: [3, 3],
        origin: [1, 1],
        multipliers,
        bounds: all_i8,
        weights: data,
        ..Operator::new(kind, input, output)
    };
    let real = |operator: Operator| Operator { bounds: all_f32, ..operator };
    builder.operators = vec![
        Operator { weights_element: Weights::I8, bias: data, ..window(Kind::Convolution, 0, 1) },
        window(Kind::MaxPool, 1, 2),
        window(Kind::AveragePool, 2, 3),
        Operator { second: 1, ..window(Kind::Add, 3, 2) },
        window(Kind::Softmax, 2, 1),
        real(Operator { origin: [0; 2], ..window(Kind::Copy, 1, 4) }),
        real(Operator { weights_element: Weights::F32, ..window(Kind::Convolution, 4, 5) }),
        real(Operator { weights_element: Weights::F16, groups: 2, ..window(Kind::Convolution, 5, 4) }),
        real(window(Kind::MaxPool, 4, 5)),
        real(window(Kind::AveragePool, 5, 4)),
        real(Operator { second: 4, ..window(Kind::Add, 5, 6) }),
        real(window(Kind::Softmax, 6, 6)),
        window(Kind::Fill, 0, 7),
        Operator { origin: [0; 2], ..window(Kind::Copy, 6, 7) },
    ];
    (builder.finish(340), 340)
}

/// Executes what loads, if it is small enough for a test.
fn execute(image: &[u8]) -> Option<()> {
    let network = Network::load(image).ok()?;
    if network.arena_bytes() > 1 << 20 || network.work() > 1 << 22 {
        return None;
    }
    let mut arena = vec![0xff; network.arena_bytes()];
    let mut output = vec![0.0; network.output().elements()];
    network.run(&vec![1e6; network.input().elements()], &mut output, &mut arena).unwrap();
    Some(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Mutations in the tables, where they decide what is read; what still loads must run.
    #[test]
    fn a_mutated_image_is_refused_or_runs(
        changes in prop::collection::vec((0_usize..952, prop_oneof![any::<u8>(), 0_u8..8, Just(255)]), 1..4),
    ) {
        let (mut image, _) = image_of_everything();
        for (at, value) in changes {
            image[at] = value;
        }
        execute(&image);
    }

    #[test]
    fn any_bytes_are_refused_or_run(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut image = b"CHNN\x01\x00\x01\x00\x01\x00\x00\x00".to_vec();
        image.extend(&bytes);
        execute(&bytes);
        execute(&image);
    }
}

#[test]
fn the_image_itself_runs_and_every_shorter_one_is_refused() {
    let (image, _) = image_of_everything();
    assert_eq!(execute(&image), Some(()));
    for length in 0..image.len() {
        let refused = Network::load(&image[..length]);
        assert!(matches!(refused, Err(ImageError::TooShort { .. })), "{length}");
    }
    let mut other = image.clone();
    other[4] = 2;
    assert_eq!(Network::load(&other).err(), Some(ImageError::Unknown));
}

#[test]
fn records_are_the_documented_bytes() {
    let tensor = Tensor {
        offset: 0x0403_0201,
        height: 0x0605,
        width: 0x0807,
        channels: 0x0a09,
        pixel_stride: 0x0c0b,
        element: Element::I8,
        zero_point: -2,
        scale: 0.5,
    };
    let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 254, 0, 0, 0, 0, 0, 0x3f];
    assert_eq!(tensor.emit(), bytes);
    assert_eq!(Tensor::parse(&bytes), Ok(tensor));
    let mut bytes: [u8; 52] = std::array::from_fn(|at| at as u8);
    (bytes[0], bytes[1], bytes[2], bytes[3]) = (4, 2, 1, 0);
    (bytes[30], bytes[31]) = (0, 0);
    let operator = Operator::parse(&bytes).unwrap();
    assert_eq!((operator.kind, operator.weights_element), (Kind::Add, Weights::F16));
    assert_eq!([operator.input, operator.second, operator.output], [0x0504, 0x0706, 0x0908]);
    assert_eq!((operator.groups, operator.kernel), (0x0b0a, [0x0d0c, 0x0f0e]));
    assert_eq!((operator.origin, operator.channel), ([0x1918, 0x1b1a], 0x1d1c));
    assert_eq!([operator.weights, operator.bias], [0x2322_2120, 0x2726_2524]);
    assert_eq!((operator.multipliers, operator.bounds[1]), (0x2b2a_2928, 0x3332_3130));
    assert_eq!(operator.emit(), bytes);
}

#[test]
fn bad_input_is_refused_before_anything_is_written() {
    let (image, arena_bytes) = image_of_everything();
    let network = Network::load(&image).unwrap();
    let (mut arena, mut output) = (vec![7; arena_bytes], [7.0; 18]);
    let mut run = |input: &[f32]| network.run(input, &mut output, &mut arena);
    let mut poisoned = [0.0; 18];
    poisoned[5] = f32::NAN;
    assert_eq!(run(&poisoned), Err(RunError::Refused(LearnError::NotFinite { feature: 5 })));
    let short = LearnError::WrongLength { what: "sample", have: 3, need: 18 };
    assert_eq!(run(&[0.0; 3]), Err(RunError::Refused(short)));
    assert!(arena.iter().all(|&byte| byte == 7) && output == [7.0; 18]);
    let short = LearnError::WrongLength { what: "arena", have: 339, need: 340 };
    assert_eq!(network.run(&[0.0; 18], &mut output, &mut arena[1..]), Err(RunError::Refused(short)));
}

#[test]
fn integers_need_a_network_that_begins_and_ends_in_them() {
    let mut builder = Builder::default();
    builder.tensors = vec![tensor(0, [1, 1, 2], Element::F32), tensor(8, [1, 1, 2], Element::I8)];
    builder.operators = vec![Operator { bounds: [0x80, 0x7f], ..Operator::new(Kind::Copy, 0, 1) }];
    let image = builder.finish(12);
    let network = Network::load(&image).unwrap();
    assert_eq!(network.run_i8(&[0; 2], &mut [0; 2], &mut [0; 12]), Err(RunError::NotIntegers));
    let mut output = [0.0; 2];
    network.run(&[-3.4, 1000.0], &mut output, &mut [0; 12]).unwrap();
    assert_eq!(output, [-3.0, 127.0], "rounded, and within eight bits");
    assert!(size_of::<Network<'_>>() <= 128);
}
