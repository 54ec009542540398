//! From a file to a graph.
use super::attributes::Attributes;
use super::constant::{self, Constant};
use super::operators;
use super::proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use crate::graph::{Graph, Op, Shape, UNBOUNDED, ValueId};
use prost::Message;
use std::collections::BTreeMap;

/// Oldest set of operators whose meaning is that of [`operators`].
const LEAST_OPSET: i64 = 13;

/// Why a model was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// Not a message of that kind.
    #[error("not an ONNX model: {0}")]
    NotOnnx(String),
    /// Operators of an older or unknown version.
    #[error("operators of version {have}, version {LEAST_OPSET} or later is needed")]
    Opset {
        /// What the model says.
        have: i64,
    },
    /// Inputs or outputs that an image cannot have.
    #[error("{0}")]
    Ends(String),
    /// Weights that cannot be read.
    #[error("tensor {name:?}: {what}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A node that cannot be translated.
    #[error("node {node:?} ({operator}): {what}")]
    Node {
        /// Its name, or that of its output.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong.
        what: String,
    },
}

/// A graph, and what reading it folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The network.
    pub graph: Graph,
    /// Nodes that only computed constants.
    pub folded: usize,
}

/// Reads a model.
pub fn read(bytes: &[u8]) -> Result<Read, OnnxError> {
    let model = ModelProto::decode(bytes).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
    let proto = model.graph.as_ref().ok_or_else(|| OnnxError::NotOnnx("it has no graph".into()))?;
    let standard = |domain: &Option<String>| matches!(domain.as_deref(), None | Some("" | "ai.onnx"));
    let versions = model.opset_import.iter().filter(|set| standard(&set.domain));
    let have = versions.filter_map(|set| set.version).max().unwrap_or(0);
    if have < LEAST_OPSET {
        return Err(OnnxError::Opset { have });
    }
    let mut reader = Reader::default();
    for tensor in &proto.initializer {
        let name = tensor.name.clone().unwrap_or_default();
        let what = |what| OnnxError::Tensor { name: name.clone(), what };
        reader.constants.insert(name.clone(), Constant::of(tensor).map_err(what)?);
    }
    reader.input(proto)?;
    for node in &proto.node {
        reader.node(node)?;
    }
    reader.output(proto)?;
    Ok(Read { graph: reader.graph, folded: reader.folded })
}

/// A value that depends on the sample.
#[derive(Clone, Debug)]
pub(super) struct Dynamic {
    pub value: ValueId,
    /// Its dimensions without the batch.
    pub dims: Vec<usize>,
}

#[derive(Default)]
pub(super) struct Reader {
    pub graph: Graph,
    pub constants: BTreeMap<String, Constant>,
    dynamics: BTreeMap<String, Dynamic>,
    folded: usize,
}

/// Channels, or entries; then rows and columns, where a signal has one row.
pub(super) fn shape(dims: &[usize]) -> Option<Shape> {
    let (channels, height, width) = match *dims {
        [entries] => (entries, 1, 1),
        [channels, length] => (channels, 1, length),
        [channels, height, width] => (channels, height, width),
        _ => return None,
    };
    // Sizes that an image can hold, and no more numbers than a calibration on a computer should.
    let fits = [channels, height, width].iter().all(|size| (1..=65_535).contains(size))
        && (channels * height).saturating_mul(width) <= 1 << 26;
    fits.then_some(Shape { channels, height, width })
}

impl Reader {
    fn input(&mut self, proto: &GraphProto) -> Result<(), OnnxError> {
        let name = |info: &ValueInfoProto| info.name.clone().unwrap_or_default();
        let inputs: Vec<_> =
            proto.input.iter().filter(|info| !self.constants.contains_key(&name(info))).collect();
        let [info] = inputs[..] else {
            return Err(OnnxError::Ends(format!("{} inputs, exactly one is supported", inputs.len())));
        };
        let wrong =
            || OnnxError::Ends(format!("input {:?} needs a shape of f32 with a batch of one", name(info)));
        let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).ok_or_else(wrong)?;
        let dims = &tensor.shape.as_ref().ok_or_else(wrong)?.dim;
        let (batch, rest) = dims.split_first().ok_or_else(wrong)?;
        if tensor.elem_type != Some(1) || batch.dim_value.is_some_and(|size| size > 1) {
            return Err(wrong());
        }
        let dims: Option<Vec<usize>> = rest.iter().map(|dim| usize::try_from(dim.dim_value?).ok()).collect();
        let dims = dims.ok_or_else(wrong)?;
        let shape = shape(&dims).ok_or_else(wrong)?;
        self.graph.input = self.graph.value(name(info), shape);
        self.dynamics.insert(name(info), Dynamic { value: self.graph.input, dims });
        Ok(())
    }

    fn output(&mut self, proto: &GraphProto) -> Result<(), OnnxError> {
        let [info] = &proto.output[..] else {
            return Err(OnnxError::Ends(format!("{} outputs, exactly one is supported", proto.output.len())));
        };
        let name = info.name.as_deref().unwrap_or_default();
        let output = self.dynamics.get(name);
        let missing = || OnnxError::Ends(format!("no node writes the output {name:?} from the input"));
        self.graph.output = output.ok_or_else(missing)?.value;
        Ok(())
    }

    fn node(&mut self, node: &NodeProto) -> Result<(), OnnxError> {
        self.translate(node).map_err(|what| OnnxError::Node {
            node: name(node),
            operator: node.op_type.clone().unwrap_or_default(),
            what,
        })
    }

    fn translate(&mut self, node: &NodeProto) -> Result<(), String> {
        if !matches!(node.domain.as_deref(), None | Some("" | "ai.onnx")) {
            return Err(format!("operators of the domain {:?} are not supported", node.domain()));
        }
        let output = node.output.first().ok_or("has no output")?.clone();
        let attributes = Attributes::of(node);
        let constants: Option<Vec<&Constant>> =
            node.input.iter().filter(|name| !name.is_empty()).map(|name| self.constants.get(name)).collect();
        if let Some(constants) = constants {
            let folded = constant::fold(node, &attributes, &constants);
            self.constants.insert(output, folded.ok_or("cannot be computed ahead")?);
            self.folded += 1;
            return Ok(());
        }
        let written = operators::translate(self, node, &attributes)?;
        self.dynamics.insert(output, written);
        Ok(())
    }

    /// An input that depends on the sample.
    pub fn dynamic(&self, node: &NodeProto, index: usize) -> Result<Dynamic, String> {
        let name = node.input.get(index).ok_or_else(|| format!("has no input {index}"))?;
        self.dynamics.get(name).cloned().ok_or_else(|| {
            if self.constants.contains_key(name) {
                format!("input {name:?} is a constant where a value is expected")
            } else {
                format!("nothing writes input {name:?}")
            }
        })
    }

    /// An input that does not; none where it is left out.
    pub fn constant(&self, node: &NodeProto, index: usize) -> Result<Option<&Constant>, String> {
        match node.input.get(index).map(String::as_str) {
            None | Some("") => Ok(None),
            Some(name) => {
                let constant = self.constants.get(name);
                constant.map(Some).ok_or_else(|| format!("input {name:?} must be a constant"))
            }
        }
    }

    /// Adds a node.
    pub fn push(
        &mut self,
        node: &NodeProto,
        op: Op,
        inputs: &[ValueId],
        dims: Vec<usize>,
    ) -> Result<Dynamic, String> {
        let shape = shape(&dims).ok_or_else(|| format!("an output of shape {dims:?} is not supported"))?;
        let value = self.graph.node(name(node), op, inputs, shape);
        Ok(Dynamic { value, dims })
    }

    /// Adds a node whose output is bounded.
    pub fn push_clip(
        &mut self,
        node: &NodeProto,
        input: &Dynamic,
        bounds: [f32; 2],
    ) -> Result<Dynamic, String> {
        if bounds[0].is_nan() || bounds[1].is_nan() || bounds[0] > bounds[1] {
            return Err("bounds that are not ordered".into());
        }
        let output = self.push(node, Op::Clip, &[input.value], input.dims.clone())?;
        if let Some(node) = self.graph.nodes.last_mut() {
            node.bounds = bounds;
        }
        debug_assert!(UNBOUNDED[0] <= bounds[0]);
        Ok(output)
    }
}

fn name(node: &NodeProto) -> String {
    match node.name.as_deref() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => node.output.first().cloned().unwrap_or_default(),
    }
}
