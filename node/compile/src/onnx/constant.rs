//! Numbers known before the first sample, and operators on them alone.
use super::attributes::Attributes;
use super::proto::{NodeProto, TensorProto};

/// A constant. Whole numbers up to 2^53 are exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its shape; empty for a single number.
    pub dims: Vec<usize>,
    /// Row by row. f64, because shapes are i64 and weights f32.
    pub data: Vec<f64>,
}

impl Constant {
    /// As f32.
    pub fn to_f32(&self) -> Vec<f32> {
        self.data.iter().map(|&value| value as f32).collect()
    }

    /// As whole numbers.
    pub fn to_i64(&self) -> Vec<i64> {
        self.data.iter().map(|&value| value as i64).collect()
    }

    /// Shape without dimensions of one.
    pub fn squeezed(&self) -> Vec<usize> {
        self.dims.iter().copied().filter(|&size| size != 1).collect()
    }

    /// Reads a tensor.
    pub fn of(tensor: &TensorProto) -> Result<Self, String> {
        if tensor.data_location == Some(1) {
            return Err("numbers in another file; save the model as one file".into());
        }
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&size| usize::try_from(size).ok()).collect();
        let dims = dims.ok_or("a negative dimension")?;
        let count =
            dims.iter().try_fold(1_usize, |count, &size| count.checked_mul(size)).ok_or("too large")?;
        let data = numbers(tensor)?;
        if data.len() != count {
            return Err(format!("{} numbers for the shape {dims:?}", data.len()));
        }
        if data.iter().any(|number| !number.is_finite()) {
            return Err("a number that is not finite".into());
        }
        Ok(Self { dims, data })
    }

    /// The same numbers in another shape; `0` keeps a dimension, one `-1` takes what is left.
    pub fn reshaped(&self, target: &[i64]) -> Option<Self> {
        Some(Self { dims: reshape(&self.dims, target)?, data: self.data.clone() })
    }

    fn transposed(&self, order: &[usize]) -> Option<Self> {
        let mut seen = order.to_vec();
        seen.sort_unstable();
        if seen != (0..self.dims.len()).collect::<Vec<_>>() {
            return None;
        }
        let dims: Vec<usize> = order.iter().map(|&axis| self.dims[axis]).collect();
        let strides: Vec<usize> =
            (0..self.dims.len()).map(|axis| self.dims[axis + 1..].iter().product()).collect();
        let from = |mut index: usize| {
            let mut at = 0;
            for (&size, &axis) in dims.iter().zip(order).rev() {
                at += index % size * strides[axis];
                index /= size;
            }
            self.data[at]
        };
        Some(Self { data: (0..self.data.len()).map(from).collect(), dims })
    }
}

/// The shape that a reshape gives; none where the counts differ.
pub fn reshape(dims: &[usize], target: &[i64]) -> Option<Vec<usize>> {
    let count: usize = dims.iter().product();
    let mut sizes = Vec::new();
    for (axis, &size) in target.iter().enumerate() {
        sizes.push(match size {
            0 => Some(*dims.get(axis)?),
            -1 => None,
            _ => Some(usize::try_from(size).ok()?),
        });
    }
    let known = sizes.iter().flatten().try_fold(1_usize, |known, &size| known.checked_mul(size))?;
    let left = count.checked_div(known)?;
    let sizes: Vec<usize> = sizes.into_iter().map(|size| size.unwrap_or(left)).collect();
    (sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))? == count).then_some(sizes)
}

fn numbers(tensor: &TensorProto) -> Result<Vec<f64>, String> {
    let raw = tensor.raw_data.as_deref().unwrap_or_default();
    let is_raw = tensor.raw_data.is_some();
    Ok(match tensor.data_type.unwrap_or(0) {
        1 if is_raw => chunks(raw, |bytes| f32::from_le_bytes(bytes).into()),
        1 => tensor.float_data.iter().map(|&value| value.into()).collect(),
        6 if is_raw => chunks(raw, |bytes| i32::from_le_bytes(bytes).into()),
        6 => tensor.int32_data.iter().map(|&value| value.into()).collect(),
        7 if is_raw => chunks(raw, |bytes| i64::from_le_bytes(bytes) as f64),
        7 => tensor.int64_data.iter().map(|&value| value as f64).collect(),
        10 if is_raw => chunks(raw, |bytes| half::f16::from_le_bytes(bytes).to_f64()),
        10 => tensor.int32_data.iter().map(|&bits| half::f16::from_bits(bits as u16).to_f64()).collect(),
        11 if is_raw => chunks(raw, f64::from_le_bytes),
        11 => tensor.double_data.clone(),
        other => return Err(format!("numbers of data type {other}")),
    })
}

fn chunks<const BYTES: usize>(raw: &[u8], number: impl Fn([u8; BYTES]) -> f64) -> Vec<f64> {
    raw.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
}

/// Evaluates an operator whose inputs are all constants; none where it is not among those that exporters leave around
/// weights and shapes.
pub fn fold(node: &NodeProto, attributes: &Attributes<'_>, inputs: &[&Constant]) -> Option<Constant> {
    let first = inputs.first().copied();
    match node.op_type.as_deref()? {
        "Constant" => constant(attributes),
        "Identity" | "Cast" | "Dropout" => first.cloned(),
        "Transpose" => {
            let first = first?;
            let reversed: Vec<i64> = (0..first.dims.len() as i64).rev().collect();
            let order = attributes.ints("perm").unwrap_or(&reversed);
            first.transposed(&order.iter().map(|&axis| axis as usize).collect::<Vec<_>>())
        }
        "Reshape" => first?.reshaped(&inputs.get(1)?.to_i64()),
        "Flatten" => {
            let rows =
                first?.dims.iter().take(attributes.int("axis").unwrap_or(1) as usize).product::<usize>();
            first?.reshaped(&[rows as i64, -1])
        }
        "Squeeze" | "Unsqueeze" => {
            // Only the numbers matter to whoever reads a weight or a shape of one dimension.
            Some(Constant { dims: vec![first?.data.len()], data: first?.data.clone() })
        }
        "Concat" => {
            let data: Vec<f64> = inputs.iter().flat_map(|input| input.data.iter().copied()).collect();
            inputs
                .iter()
                .all(|input| input.dims.len() <= 1)
                .then(|| Constant { dims: vec![data.len()], data })
        }
        "Add" => combine(inputs, |left, right| left + right),
        "Sub" => combine(inputs, |left, right| left - right),
        "Mul" => combine(inputs, |left, right| left * right),
        "Div" => combine(inputs, |left, right| left / right),
        _ => None,
    }
}

fn constant(attributes: &Attributes<'_>) -> Option<Constant> {
    let single = |value: f64| Constant { dims: Vec::new(), data: vec![value] };
    let list = |data: Vec<f64>| Constant { dims: vec![data.len()], data };
    if let Some(tensor) = attributes.tensor("value") {
        return Constant::of(tensor).ok();
    }
    let float = attributes.float("value_float").map(|value| single(value.into()));
    let int = || attributes.int("value_int").map(|value| single(value as f64));
    let ints = || {
        attributes.ints("value_ints").map(|values| list(values.iter().map(|&value| value as f64).collect()))
    };
    float.or_else(int).or_else(ints)
}

fn combine(inputs: &[&Constant], operation: impl Fn(f64, f64) -> f64) -> Option<Constant> {
    let [left, right] = inputs else { return None };
    let data = if left.dims == right.dims {
        left.data.iter().zip(&right.data).map(|(&left, &right)| operation(left, right)).collect()
    } else if let [right] = right.data[..] {
        left.data.iter().map(|&left| operation(left, right)).collect()
    } else {
        return None;
    };
    Some(Constant { dims: left.dims.clone(), data })
}
