//! From a graph to a file, so that networks built here go through the reader as well.
use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::graph::{Divisor, Graph, Node, Op, Shape, UNBOUNDED, ValueId, Window};
use prost::Message;

/// Writes a graph as a model of opset 13. Every value has channels, rows and columns, vectors too.
pub fn write(graph: &Graph) -> Vec<u8> {
    let mut writer =
        Writer { graph, proto: GraphProto { name: Some("chirrup".into()), ..GraphProto::default() } };
    for node in &graph.nodes {
        writer.node(node);
    }
    let mut proto = writer.proto;
    proto.input = vec![info(graph, graph.input)];
    proto.output = vec![info(graph, graph.output)];
    let opset = OperatorSetIdProto { domain: Some(String::new()), version: Some(13) };
    ModelProto {
        ir_version: Some(8),
        producer_name: Some("chirrup-compile".into()),
        graph: Some(proto),
        opset_import: vec![opset],
    }
    .encode_to_vec()
}

fn value_name(graph: &Graph, value: ValueId) -> String {
    format!("{} {value}", graph.values[value].name)
}

fn info(graph: &Graph, value: ValueId) -> ValueInfoProto {
    let dims = [&[1], &dims(graph.shape(value))[..]].concat();
    let dim = dims.iter().map(|&size| DimensionProto { dim_value: Some(size), dim_param: None }).collect();
    let tensor_type = TensorTypeProto { elem_type: Some(1), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(value_name(graph, value)),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
    }
}

fn dims(shape: Shape) -> [i64; 3] {
    [shape.channels, shape.height, shape.width].map(|size| size as i64)
}

struct Writer<'a> {
    graph: &'a Graph,
    proto: GraphProto,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node) {
        // A bounded operator is one without bounds and a clip.
        let bounded = node.bounds != UNBOUNDED && node.op != Op::Clip;
        let output = value_name(self.graph, node.output);
        let unbounded = if bounded { format!("{output} unbounded") } else { output.clone() };
        let inputs: Vec<String> = node.inputs.iter().map(|&input| value_name(self.graph, input)).collect();
        let name = format!("{} {}", node.name, node.output);
        let (kind, constants, attributes) = self.parts(node, &name);
        self.push(&name, kind, [inputs, constants].concat(), unbounded.clone(), attributes);
        if bounded {
            let bounds = self.bounds(&name, node.bounds);
            self.push(&format!("{name} bounds"), "Clip", [vec![unbounded], bounds].concat(), output, vec![]);
        }
    }

    /// Operator, constant inputs and attributes.
    fn parts(&mut self, node: &Node, name: &str) -> (&'static str, Vec<String>, Vec<AttributeProto>) {
        let channels = self.graph.shape(node.output).channels as i64;
        match &node.op {
            Op::Convolution { weights, bias, groups, window } => {
                let [rows, columns] = window.kernel.map(|size| size as i64);
                let depth = weights.len() as i64 / (channels * rows * columns);
                let weights = self.floats(name, "weights", &[channels, depth, rows, columns], weights);
                let bias = self.floats(name, "bias", &[channels], bias);
                let group = AttributeProto { i: Some(*groups as i64), ..attribute("group", 2) };
                ("Conv", vec![weights, bias], [window_attributes(window), vec![group]].concat())
            }
            Op::Affine { scale, shift } => {
                let zeros = self.floats(name, "mean", &[channels], &vec![0.0; scale.len()]);
                let ones = self.floats(name, "variance", &[channels], &vec![1.0; scale.len()]);
                let scale = self.floats(name, "scale", &[channels], scale);
                let shift = self.floats(name, "shift", &[channels], shift);
                let epsilon = AttributeProto { f: Some(0.0), ..attribute("epsilon", 1) };
                ("BatchNormalization", vec![scale, shift, zeros, ones], vec![epsilon])
            }
            Op::Clip => ("Clip", self.bounds(name, node.bounds), vec![]),
            Op::MaxPool(window) => ("MaxPool", vec![], window_attributes(window)),
            Op::AveragePool(window, divisor) => {
                let all = i64::from(*divisor == Divisor::AllTaps);
                let include = AttributeProto { i: Some(all), ..attribute("count_include_pad", 2) };
                let mut attributes = window_attributes(window);
                // An average has no dilation before opset 19.
                attributes.retain(|attribute| attribute.name() != "dilations");
                ("AveragePool", vec![], [attributes, vec![include]].concat())
            }
            Op::Add => ("Add", vec![], vec![]),
            Op::Concat => ("Concat", vec![], vec![AttributeProto { i: Some(1), ..attribute("axis", 2) }]),
            Op::Reshape => {
                let shape = [&[1], &dims(self.graph.shape(node.output))[..]].concat();
                ("Reshape", vec![self.ints(name, &shape)], vec![])
            }
            Op::Softmax => ("Softmax", vec![], vec![AttributeProto { i: Some(1), ..attribute("axis", 2) }]),
            Op::Pad { before, value } => {
                let (from, to) = (self.graph.shape(node.inputs[0]), self.graph.shape(node.output));
                let added = [to.height - from.height, to.width - from.width];
                let [top, left] = before.map(|size| size as i64);
                let after = [added[0] as i64 - top, added[1] as i64 - left];
                let pads = self.ints(name, &[0, 0, top, left, 0, 0, after[0], after[1]]);
                ("Pad", vec![pads, self.floats(name, "value", &[], &[*value])], vec![])
            }
            Op::Identity => ("Identity", vec![], vec![]),
        }
    }

    fn push(
        &mut self,
        name: &str,
        kind: &str,
        input: Vec<String>,
        output: String,
        attribute: Vec<AttributeProto>,
    ) {
        let (name, op_type) = (Some(name.to_owned()), Some(kind.to_owned()));
        self.proto.node.push(NodeProto {
            input,
            output: vec![output],
            name,
            op_type,
            attribute,
            domain: None,
        });
    }

    /// Bounds; one that is infinite is left out.
    fn bounds(&mut self, name: &str, bounds: [f32; 2]) -> Vec<String> {
        let mut bound = |what: &str, value: f32| {
            if value.is_finite() { self.floats(name, what, &[], &[value]) } else { String::new() }
        };
        vec![bound("low", bounds[0]), bound("high", bounds[1])]
    }

    fn floats(&mut self, node: &str, what: &str, dims: &[i64], values: &[f32]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(format!("{node} {what}"), 1, dims, raw)
    }

    fn ints(&mut self, node: &str, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(format!("{node} sizes"), 7, &[values.len() as i64], raw)
    }

    fn constant(&mut self, name: String, data_type: i32, dims: &[i64], raw: Vec<u8>) -> String {
        self.proto.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: Some(data_type),
            name: Some(name.clone()),
            raw_data: Some(raw),
            ..TensorProto::default()
        });
        name
    }
}

fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(kind), ..AttributeProto::default() }
}

fn window_attributes(window: &Window) -> Vec<AttributeProto> {
    let ints = |name: &str, values: &[usize]| AttributeProto {
        ints: values.iter().map(|&value| value as i64).collect(),
        ..attribute(name, 7)
    };
    vec![
        ints("kernel_shape", &window.kernel),
        ints("strides", &window.stride),
        ints("dilations", &window.dilation),
        ints("pads", &[window.before, window.after].concat()),
    ]
}
