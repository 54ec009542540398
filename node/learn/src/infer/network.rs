//! A network in flash: validated once, then executed without a way to fail.
//!
//! State: none but the arena, whose size the image states; a loaded network is at most 128 bytes of references and sizes. The
//! work of an inference is fixed by the image: [`Network::work`].
use super::check::{self, POWERS, section};
use super::convolution::{self, Float16, Float32, Int8};
use super::elementwise::{self, dequantise, quantise};
use super::fixed::{MULTIPLIER_BYTES, Multiplier};
use super::image::{
    Element, HEADER_BYTES, ImageError, Kind, MAGIC, OPERATOR_BYTES, Operator, TENSOR_BYTES, Tensor, VERSION,
    Weights, u16_at, u32_at,
};
use super::{pooling, softmax};
use crate::{LearnError, check_length, check_sample};

/// Why an inference was refused. Nothing was written then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A slice or a feature was refused.
    #[error(transparent)]
    Refused(#[from] LearnError),
    /// Integers for a network whose input or output is f32.
    #[error("the network takes or gives f32")]
    NotIntegers,
}

/// A validated image.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    image: &'a [u8],
    tensors: &'a [[u8; TENSOR_BYTES]],
    operators: &'a [[u8; OPERATOR_BYTES]],
    input: Tensor,
    output: Tensor,
    arena_bytes: usize,
    work: u64,
}

impl<'a> Network<'a> {
    /// Validates an image: whatever its bytes are, executing what was loaded stays inside image and arena.
    pub fn load(image: &'a [u8]) -> Result<Self, ImageError> {
        let too_short = |need_bytes| ImageError::TooShort { need_bytes, have_bytes: image.len() };
        let header: &[u8; HEADER_BYTES] = image.first_chunk().ok_or(too_short(HEADER_BYTES))?;
        if header[..4] != MAGIC || u16_at(header, 4) != VERSION {
            return Err(ImageError::Unknown);
        }
        let tensors_end = HEADER_BYTES + TENSOR_BYTES * usize::from(u16_at(header, 6));
        let tables_end = tensors_end + OPERATOR_BYTES * usize::from(u16_at(header, 8));
        let need_bytes = tables_end.max(usize::try_from(u32_at(header, 20)).unwrap_or(usize::MAX));
        let image = image.get(..need_bytes).ok_or(too_short(need_bytes))?;
        let (tensors, _) = image[HEADER_BYTES..tensors_end].as_chunks();
        let (operators, _) = image[tensors_end..tables_end].as_chunks();
        let arena_bytes = u32_at(header, 16);
        for (index, record) in (0_u16..).zip(tensors) {
            Tensor::parse(record)
                .and_then(|tensor| check::tensor(&tensor, arena_bytes))
                .map_err(|what| ImageError::Tensor { index, what })?;
        }
        let end = |at, what| {
            let index = u16_at(header, at);
            tensor(tensors, index).ok_or(ImageError::NoSuchTensor { index, what })
        };
        let (input, output) = (end(10, "input")?, end(12, "output")?);
        let mut network =
            Self { image, tensors, operators, input, output, arena_bytes: arena_bytes as usize, work: 0 };
        network.work = network.checked_work()?;
        Ok(network)
    }

    /// Checks all operators and adds up their work.
    fn checked_work(&self) -> Result<u64, ImageError> {
        let mut work = 0_u64;
        for (index, record) in (0_u16..).zip(self.operators) {
            let check = || {
                let operator = Operator::parse(record)?;
                let find = |index| tensor(self.tensors, index).ok_or("no such tensor");
                // A fill reads nothing, only an addition reads twice.
                let output = find(operator.output)?;
                let input = if operator.kind == Kind::Fill { output } else { find(operator.input)? };
                let second = if operator.kind == Kind::Add { find(operator.second)? } else { input };
                check::operator(&operator, self.image, [&input, &second], &output)
            };
            let products = check().map_err(|what| ImageError::Operator { index, what })?;
            work = work.saturating_add(products);
        }
        Ok(work)
    }

    /// Bytes of arena that an inference needs.
    pub const fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// The input's shape, `[height][width][channels]`, and scale.
    pub const fn input(&self) -> &Tensor {
        &self.input
    }

    /// The output's shape, `[height][width][channels]`, and scale.
    pub const fn output(&self) -> &Tensor {
        &self.output
    }

    /// Products and elements read in one inference, padding counted in: an upper bound of the inner loops' turns.
    pub const fn work(&self) -> u64 {
        self.work
    }

    /// The tensors, for whoever wants to show them.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor> + '_ {
        (0..self.tensors.len() as u16).map(|index| self.tensor(index))
    }

    /// The operators in the order of execution.
    pub fn operators(&self) -> impl Iterator<Item = Operator> + '_ {
        self.operators.iter().map(|record| Operator::parse(record).expect("loading checked it"))
    }

    /// One inference in real numbers, quantised where the network begins or ends in i8.
    ///
    /// `input` and `output` are `[height][width][channels]`; of `arena` the first [`arena_bytes`](Self::arena_bytes)
    /// are used, whatever they hold. Weights whose sums leave the range of f32 give infinities or NaN; an i8 network
    /// gives finite numbers whatever its image holds.
    pub fn run(&self, input: &[f32], output: &mut [f32], arena: &mut [u8]) -> Result<(), RunError> {
        check_sample(input, self.input.elements())?;
        check_length("output", output.len(), self.output.elements())?;
        let arena = self.arena(arena)?;
        for (&value, at) in input.iter().zip(places(&self.input)) {
            match self.input.element {
                Element::F32 => arena[at..at + 4].copy_from_slice(&value.to_le_bytes()),
                Element::I8 => arena[at] = quantise(value, &self.input).clamp(-128, 127) as u8,
            }
        }
        self.execute(arena);
        for (value, at) in output.iter_mut().zip(places(&self.output)) {
            *value = match self.output.element {
                Element::F32 => elementwise::read_f32(arena, at),
                Element::I8 => dequantise(arena[at] as i8, &self.output),
            };
        }
        Ok(())
    }

    /// One inference in integers alone, for a network that begins and ends in i8.
    pub fn run_i8(&self, input: &[i8], output: &mut [i8], arena: &mut [u8]) -> Result<(), RunError> {
        if self.input.element != Element::I8 || self.output.element != Element::I8 {
            return Err(RunError::NotIntegers);
        }
        check_length("sample", input.len(), self.input.elements())?;
        check_length("output", output.len(), self.output.elements())?;
        let arena = self.arena(arena)?;
        for (&value, at) in input.iter().zip(places(&self.input)) {
            arena[at] = value as u8;
        }
        self.execute(arena);
        for (value, at) in output.iter_mut().zip(places(&self.output)) {
            *value = arena[at] as i8;
        }
        Ok(())
    }

    fn arena<'b>(&self, arena: &'b mut [u8]) -> Result<&'b mut [u8], LearnError> {
        let have = arena.len();
        let wrong = LearnError::WrongLength { what: "arena", have, need: self.arena_bytes };
        arena.get_mut(..self.arena_bytes).ok_or(wrong)
    }

    fn tensor(&self, index: u16) -> Tensor {
        tensor(self.tensors, index).expect("loading checked it")
    }

    fn execute(&self, arena: &mut [u8]) {
        for operator in self.operators() {
            let output = self.tensor(operator.output);
            if operator.kind == Kind::Fill {
                elementwise::fill(&operator, &output, arena);
                continue;
            }
            let input = self.tensor(operator.input);
            match output.element {
                _ if operator.kind == Kind::Copy => {
                    let quantised = input.element == Element::I8 && output.element == Element::I8;
                    // Where nothing is scaled, any multiplier serves.
                    let [multiplier] =
                        if quantised { self.scales(&operator) } else { [Multiplier { factor: 0, shift: 1 }] };
                    elementwise::copy(&operator, &input, &output, multiplier, arena);
                }
                Element::I8 => self.execute_i8(&operator, &input, &output, arena),
                Element::F32 => self.execute_f32(&operator, &input, &output, arena),
            }
        }
    }

    fn execute_i8(&self, operator: &Operator, input: &Tensor, output: &Tensor, arena: &mut [u8]) {
        match operator.kind {
            Kind::Convolution => {
                let channels = usize::from(output.channels);
                let numbers = Int8 {
                    weights: &self.image[operator.weights as usize..],
                    biases: self.biases(operator, channels),
                    multipliers: self.records(operator.multipliers, channels),
                    input_zero: input.zero_point,
                    output_zero: output.zero_point,
                    bounds: operator.bounds_i8(),
                };
                convolution::run(operator, input, output, &numbers, arena);
            }
            Kind::MaxPool => pooling::max_i8(operator, input, output, arena),
            Kind::AveragePool => {
                let [multiplier] = self.scales(operator);
                pooling::mean_i8(operator, input, output, multiplier, arena);
            }
            Kind::Add => {
                let second = self.tensor(operator.second);
                elementwise::add_i8(operator, [input, &second], output, self.scales(operator), arena);
            }
            Kind::Softmax => softmax::run_i8(input, output, self.records(operator.weights, POWERS), arena),
            Kind::Copy | Kind::Fill => {}
        }
    }

    fn execute_f32(&self, operator: &Operator, input: &Tensor, output: &Tensor, arena: &mut [u8]) {
        let channels = usize::from(output.channels);
        match (operator.kind, operator.weights_element) {
            (Kind::Convolution, Weights::F16) => {
                let (weights, _) = self.image[operator.weights as usize..].as_chunks();
                let biases = self.biases(operator, channels);
                let numbers = Float16 { weights, biases, bounds: operator.bounds_f32() };
                convolution::run(operator, input, output, &numbers, arena);
            }
            (Kind::Convolution, _) => {
                let (weights, _) = self.image[operator.weights as usize..].as_chunks();
                let biases = self.biases(operator, channels);
                let numbers = Float32 { weights, biases, bounds: operator.bounds_f32() };
                convolution::run(operator, input, output, &numbers, arena);
            }
            (Kind::MaxPool, _) => pooling::max_f32(operator, input, output, arena),
            (Kind::AveragePool, _) => pooling::mean_f32(operator, input, output, arena),
            (Kind::Add, _) => {
                let second = self.tensor(operator.second);
                elementwise::add_f32(operator, [input, &second], output, arena);
            }
            (Kind::Softmax, _) => softmax::run_f32(input, output, arena),
            (Kind::Copy | Kind::Fill, _) => {}
        }
    }

    fn biases(&self, operator: &Operator, channels: usize) -> &'a [[u8; 4]] {
        if operator.bias == 0 { &[] } else { self.records(operator.bias, channels) }
    }

    fn records<const BYTES: usize>(&self, offset: u32, count: usize) -> &'a [[u8; BYTES]] {
        section(self.image, offset, count, BYTES).expect("loading checked it").as_chunks().0
    }

    fn scales<const COUNT: usize>(&self, operator: &Operator) -> [Multiplier; COUNT] {
        let records: &[[u8; MULTIPLIER_BYTES]] = self.records(operator.multipliers, COUNT);
        core::array::from_fn(|index| Multiplier::parse(records[index]))
    }
}

fn tensor(tensors: &[[u8; TENSOR_BYTES]], index: u16) -> Option<Tensor> {
    tensors.get(usize::from(index)).and_then(|record| Tensor::parse(record).ok())
}

/// Where a tensor's elements lie in the arena, `[height][width][channels]`.
fn places(tensor: &Tensor) -> impl Iterator<Item = usize> + '_ {
    let (height, width) = (usize::from(tensor.height), usize::from(tensor.width));
    (0..height).flat_map(move |row| {
        (0..width).flat_map(move |column| {
            let first = tensor.at(row, column);
            (0..usize::from(tensor.channels)).map(move |channel| first + channel * tensor.element.bytes())
        })
    })
}
