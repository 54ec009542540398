//! What an image holds.
use chirrup_learn::infer::image::{Element, ImageError, Kind, Tensor, Weights};
use chirrup_learn::infer::network::Network;
use std::fmt::Write;

/// Describes an image, a line an operator.
pub fn inspect(bytes: &[u8]) -> Result<String, ImageError> {
    let network = Network::load(bytes)?;
    let tensors: Vec<Tensor> = network.tensors().collect();
    let mut text = format!(
        "image    {} B\narena    {} B\nwork     {} products and elements\ninput    {}\noutput   {}\n",
        bytes.len(),
        network.arena_bytes(),
        network.work(),
        tensor(network.input()),
        tensor(network.output()),
    );
    for (index, operator) in network.operators().enumerate() {
        let kind = match operator.kind {
            Kind::Convolution => "convolution",
            Kind::MaxPool => "max-pool",
            Kind::AveragePool => "average-pool",
            Kind::Add => "add",
            Kind::Copy => "copy",
            Kind::Fill => "fill",
            Kind::Softmax => "softmax",
        };
        let weights = match operator.weights_element {
            Weights::None => "",
            Weights::F32 => " weights f32",
            Weights::F16 => " weights f16",
            Weights::I8 => " weights i8",
        };
        let [rows, columns] = operator.kernel;
        let output = tensor(&tensors[usize::from(operator.output)]);
        // Writing to a string cannot fail.
        writeln!(text, "{index:>4}     {kind} {rows}x{columns}{weights} -> {output}").unwrap_or_default();
    }
    Ok(text)
}

fn tensor(tensor: &Tensor) -> String {
    let Tensor { height, width, channels, offset, .. } = tensor;
    let element = match tensor.element {
        Element::F32 => "f32".to_owned(),
        Element::I8 => format!("i8, scale {:e}, zero point {}", tensor.scale, tensor.zero_point),
    };
    format!("[{height}][{width}][{channels}] at {offset}, {element}")
}
