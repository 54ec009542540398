//! Peak SRAM of known families of networks, before and after planning.
use crate::section::{Bar, Table};
use anyhow::{Result, ensure};
use chirrup_compile::compile::{compile, pixels_first};
use chirrup_compile::graph::Graph;
use chirrup_compile::onnx::{self, write};
use chirrup_compile::plan::order::Search;
use chirrup_compile::quantise::Format;
use chirrup_compile::simplify::simplify;
use chirrup_compile::{reference, zoo};
use chirrup_learn::infer::Network;
use chirrup_learn::random::Random;

pub const TEXT: &str = "\
Peak SRAM of a network in int8: the arena with all activations, input and output included, weights in flash. The \
networks have the shapes of known families and seeded weights; each is written as ONNX, read back, simplified, \
quantised on eight random samples, planned, and run on the planned arena against plain f32 loops. The naive order is \
that of the file, with every operator's output in a buffer of its own; it is given twice, with no buffer shared and \
with buffers shared by lifetime, and the saving is against the latter. The best order is found by dynamic programming \
over sets of operators and has the smallest peak of live bytes for its sharing of buffers. The plan does more: inputs \
of a concatenation lie inside its output, sums replace a summand, and a pool that alone reads a concatenation moves \
before it.\n\n\
Where a plan helps less, the table says so. The MobileNet-like network is a chain whose peak is the input and the \
output of one expansion. In the Inception-like one, a cell's whole input and most of its output are live at once, \
whatever the order.";

/// Which bar a network is held to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    AQuarter,
    Nothing,
}

/// The table and the bars of what must be saved.
pub fn table() -> Result<(Table, Vec<Bar>)> {
    let networks = [
        ("MobileNet-like", zoo::mobilenet_like(), Held::Nothing),
        ("DenseNet-like", zoo::densenet_like(), Held::AQuarter),
        ("branched, multi-scale, written by depth", zoo::multiscale_by_depth(), Held::AQuarter),
        ("branched, Inception-like", zoo::inception_like(), Held::Nothing),
        ("branched, randomly wired", zoo::randomly_wired(4), Held::AQuarter),
    ];
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for (name, graph, held) in networks {
        let mut graph = onnx::read(&write::write(&graph))?.graph;
        simplify(&mut graph);
        let samples = samples(&graph);
        let compiled = compile(&graph, Format::Int8, &samples)?;
        check(&graph, &compiled.image, &samples)?;
        let (memory, planned) = (compiled.naive, &compiled.plan);
        let saved = |before: usize| 100.0 * (1.0 - planned.arena_bytes as f64 / before as f64);
        let against_shared = saved(memory.given_order_bytes);
        if held == Held::AQuarter {
            bars.push(Bar::at_least(format!("peak SRAM saved, {name}, %"), 25.0, against_shared));
        }
        let found = match planned.search {
            Search::Optimal { states } => format!("{states}"),
            Search::Greedy | Search::AsGiven => "bounded".into(),
        };
        rows.push(vec![
            name.into(),
            memory.separate_bytes.to_string(),
            memory.given_order_bytes.to_string(),
            memory.best_order_bytes.to_string(),
            planned.arena_bytes.to_string(),
            format!("{against_shared:.1} %"),
            format!("{:.1} %", saved(memory.separate_bytes)),
            found,
        ]);
    }
    let table = Table {
        caption: "Peak SRAM in bytes, and the sets of operators that the search for the order compared."
            .into(),
        head: vec![
            "network",
            "nothing shared",
            "given order, shared",
            "best order, shared",
            "planned",
            "saved against shared",
            "against nothing shared",
            "sets",
        ],
        rows,
    };
    Ok((table, bars))
}

fn samples(graph: &Graph) -> Vec<Vec<f32>> {
    let mut random = Random::new(9);
    let length = graph.shape(graph.input).elements();
    (0..8).map(|_| (0..length).map(|_| random.symmetric()).collect()).collect()
}

/// The runtime on the planned arena agrees with plain loops as far as eight bits do.
fn check(graph: &Graph, image: &[u8], samples: &[Vec<f32>]) -> Result<()> {
    let network = Network::load(image)?;
    let mut output = vec![0.0; network.output().elements()];
    for sample in samples {
        let mut arena = vec![0xff; network.arena_bytes()];
        network.run(&pixels_first(sample, graph.shape(graph.input)), &mut output, &mut arena)?;
        for (have, expected) in output.iter().zip(reference::output(graph, sample)) {
            ensure!((have - expected).abs() < 0.1, "{have} where plain loops give {expected}");
        }
    }
    Ok(())
}
