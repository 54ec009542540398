//! What is said about a compiled network.
use crate::compile::Compiled;
use crate::graph::Graph;
use crate::plan::order::Search;
use crate::simplify::Simplified;
use chirrup_learn::infer::Network;
use std::fmt::Write;

/// What the report is made of.
pub struct Facts<'a> {
    /// As compiled.
    pub graph: &'a Graph,
    /// Nodes before simplification.
    pub nodes: usize,
    /// Nodes that only computed constants.
    pub folded: usize,
    /// What simplification did.
    pub simplified: Simplified,
    /// The image and its plan.
    pub compiled: &'a Compiled,
    /// The loaded image.
    pub network: &'a Network<'a>,
}

/// Sizes, peak SRAM before and after planning, and what was simplified.
pub fn report(facts: &Facts<'_>) -> String {
    let (compiled, network) = (facts.compiled, facts.network);
    let (naive, plan) = (&compiled.naive, &compiled.plan);
    let (nonzero, weights) = facts.graph.weights();
    let Simplified { identities, dead, affine, clips, pads, reshapes } = facts.simplified;
    let search = match plan.search {
        Search::AsGiven => "order as given".to_owned(),
        Search::Optimal { states } => format!("no order has less live, {states} sets of operators compared"),
        Search::Greedy => "greedy order, the graph has too many".to_owned(),
    };
    let input = network.input();
    format!(
        "image                        {:>9} B\n\
         weights                      {:>9}, {} not zero\n\
         work                         {:>9} products and elements\n\
         input                        [{}][{}][{}], rows, columns, channels\n\
         nodes                        {} read, {} folded, {} left; identities {identities}, dead {dead}, fused: \
         normalisations {affine}, activations {clips}, padding {pads}, reshapes {reshapes}\n\
         peak SRAM\n  \
         nothing shared             {:>9} B\n  \
         given order, shared        {:>9} B\n  \
         best order, shared         {:>9} B\n  \
         planned, in place          {:>9} B ({search}; live {} B)\n",
        compiled.image.len(),
        weights,
        nonzero,
        network.work(),
        input.height,
        input.width,
        input.channels,
        facts.nodes + facts.folded,
        facts.folded,
        facts.graph.nodes.len(),
        naive.separate_bytes,
        naive.given_order_bytes,
        naive.best_order_bytes,
        plan.arena_bytes,
        plan.live_bytes,
    )
}

/// A source file with the image as a constant.
pub fn rust_source(image: &[u8], network: &Network<'_>) -> String {
    let mut source = format!(
        "//! Written by chirrup-compile; load it with `chirrup_learn::infer::Network::load(&IMAGE)`.\n\n\
         /// Bytes of arena that an inference needs.\npub const ARENA_BYTES: usize = {};\n\n\
         /// The network.\n#[rustfmt::skip]\npub static IMAGE: [u8; {}] = [\n",
        network.arena_bytes(),
        image.len(),
    );
    for line in image.chunks(20) {
        let bytes: Vec<String> = line.iter().map(u8::to_string).collect();
        // Writing to a string cannot fail.
        writeln!(source, "    {},", bytes.join(", ")).unwrap_or_default();
    }
    source.push_str("];\n");
    source
}
