//! From a graph to an image, in a stated order of transformations.
use crate::emit::{self, EmitError};
use crate::graph::Graph;
use crate::plan::{self, Naive, Plan};
use crate::quantise::{self, Format, QuantiseError};
use crate::rewrite;

/// Why a graph could not be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Calibration or quantisation refused it.
    #[error(transparent)]
    Quantise(#[from] QuantiseError),
    /// It does not fit an image.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

/// An image and what is known of it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The bytes for the node.
    pub image: Vec<u8>,
    /// Peak SRAM of the graph as given.
    pub naive: Naive,
    /// Order and arena.
    pub plan: Plan,
}

/// Quantises, plans and writes a graph. `samples` (`[channels][height][width]` each) calibrate the integers.
pub fn compile(graph: &Graph, format: Format, samples: &[Vec<f32>]) -> Result<Compiled, CompileError> {
    let (mut graph, mut reals) = quantise::lower(graph, format);
    let naive = plan::naive(&graph, &quantise::elements(&reals));
    rewrite::pool_before_concatenation(&mut graph);
    // What was added is of the elements that surround it.
    reals.resize(graph.values.len(), !format.is_integer());
    let numbers = quantise::numbers(&graph, &reals, samples)?;
    let plan = plan::plan(&graph, &numbers);
    let image = emit::emit(&graph, &numbers, &plan, format)?;
    Ok(Compiled { image, naive, plan })
}

/// `[channels][height][width]` to `[height][width][channels]`, as the runtime takes it.
pub fn pixels_first(sample: &[f32], shape: crate::graph::Shape) -> Vec<f32> {
    let pixels = shape.pixels();
    (0..pixels).flat_map(|pixel| sample.iter().skip(pixel).step_by(pixels).copied()).collect()
}
