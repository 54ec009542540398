//! The program: arguments, files, and what it prints.
mod inspect;
mod report;
mod samples;

use crate::compile::compile;
use crate::graph::Graph;
use crate::quantise::Format;
use crate::{onnx, prune, simplify};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use std::fs;
use std::path::PathBuf;

/// Compiles a trained network in ONNX to an image for a microcontroller.
#[derive(Parser, Debug)]
#[command(
    name = "chirrup-compile",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    compile: Option<Compile>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Shows the operators of an image, its arena and its work.
    Inspect {
        /// An image.
        image: PathBuf,
    },
}

#[derive(Args, Debug)]
struct Compile {
    /// The network, an ONNX file of opset 13 or later.
    model: PathBuf,
    /// Samples, one a line, numbers in the order of the model's input; needed for int8.
    #[arg(long, value_name = "CSV")]
    calibration: Option<PathBuf>,
    /// What the image computes with.
    #[arg(long, value_enum, default_value = "int8")]
    format: Format,
    /// Share of each layer's weights that becomes zero, the smallest first.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    prune: f64,
    /// Where the image goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where a Rust source with the image as a constant goes.
    #[arg(long, value_name = "FILE")]
    rust: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("not between 0 and 1".to_owned()) }
}

/// Does what the arguments ask for; returns what goes to stdout.
pub fn run(cli: &Cli) -> anyhow::Result<String> {
    match (&cli.command, &cli.compile) {
        (Some(Command::Inspect { image }), _) => {
            let bytes = fs::read(image).with_context(|| format!("reading {}", image.display()))?;
            inspect::inspect(&bytes).with_context(|| image.display().to_string())
        }
        (None, Some(arguments)) => compile_file(arguments),
        (None, None) => anyhow::bail!("no model given"),
    }
}

fn compile_file(arguments: &Compile) -> anyhow::Result<String> {
    let model = &arguments.model;
    let bytes = fs::read(model).with_context(|| format!("reading {}", model.display()))?;
    let read = onnx::read(&bytes).with_context(|| model.display().to_string())?;
    let mut graph = read.graph;
    let samples = calibration(arguments, &graph)?;
    let nodes = graph.nodes.len();
    let simplified = simplify::simplify(&mut graph);
    prune::prune(&mut graph, arguments.prune);
    let compiled =
        compile(&graph, arguments.format, &samples).with_context(|| model.display().to_string())?;
    let network = chirrup_learn::infer::Network::load(&compiled.image).context("the image just written")?;
    fs::write(&arguments.out, &compiled.image)
        .with_context(|| format!("writing {}", arguments.out.display()))?;
    if let Some(path) = &arguments.rust {
        fs::write(path, report::rust_source(&compiled.image, &network))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(report::report(&report::Facts {
        graph: &graph,
        nodes,
        folded: read.folded,
        simplified,
        compiled: &compiled,
        network: &network,
    }))
}

fn calibration(arguments: &Compile, graph: &Graph) -> anyhow::Result<Vec<Vec<f32>>> {
    let Some(path) = &arguments.calibration else { return Ok(Vec::new()) };
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let length = graph.shape(graph.input).elements();
    samples::parse(&text, length).with_context(|| path.display().to_string())
}
