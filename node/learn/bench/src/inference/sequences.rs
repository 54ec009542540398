//! Every sequence of pruning, simplification and quantisation on one network.
use super::network;
use crate::data::{self, Labelled, Split};
use crate::section::{Bar, Table, mean, percent};
use anyhow::{Result, ensure};
use chirrup_compile::compile::compile;
use chirrup_compile::graph::Graph;
use chirrup_compile::onnx::{self, write};
use chirrup_compile::prune::prune;
use chirrup_compile::quantise::{Format, round_weights};
use chirrup_compile::simplify::simplify;
use chirrup_learn::infer::Network;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;
use std::time::Instant;

const SEEDS: std::ops::Range<u64> = 1..5;
const SHARE: f64 = 0.5;
const CALIBRATION: usize = 100;
/// Inferences are timed this often; the fastest counts.
const REPEATS: usize = 20;

/// What is done to a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Prune,
    Simplify,
    Quantise,
}

/// A network with the data that it is trained and judged on.
struct Trained {
    graph: Graph,
    split: Split,
}

/// Figures of one sequence: accuracies over the splits, the rest for the first.
struct Measured {
    name: String,
    accuracies: Vec<f64>,
    image_bytes: usize,
    deflated_bytes: usize,
    arena_bytes: usize,
    work: u64,
    microseconds: f64,
}

/// What the section shows.
pub struct Sequences {
    /// What is measured, and what it teaches.
    pub text: String,
    /// All sequences; formats.
    pub tables: Vec<Table>,
    /// What must hold.
    pub bars: Vec<Bar>,
}

/// Trains, and measures all sequences.
pub fn tables() -> Result<Sequences> {
    let digits = data::digits();
    let trained = SEEDS
        .map(|seed| {
            let split = digits.split(seed)?;
            let graph = network::as_exported(&network::trained(&split.train, seed));
            Ok(Trained { graph: onnx::read(&write::write(&graph))?.graph, split })
        })
        .collect::<Result<Vec<_>>>()?;
    let sequences = sequences().into_iter();
    let measured = sequences.map(|changes| measure(&trained, &changes, None)).collect::<Result<Vec<_>>>()?;
    let formats = [Format::F32, Format::F16, Format::Int8FloatFallback, Format::Int8];
    let formats = formats
        .into_iter()
        .map(|format| measure(&trained, &[Change::Simplify], Some(format)))
        .collect::<Result<Vec<_>>>()?;
    let [real, .., whole] = &formats[..] else { unreachable!("there are four formats") };
    let lost = 100.0 * (mean(&real.accuracies) - mean(&whole.accuracies));
    let majority = trained.iter().map(|one| one.split.test.majority_rate()).collect::<Vec<_>>();
    Ok(Sequences {
        text: text(&measured, &percent(&majority)),
        tables: vec![
            table(
                "Every sequence. Accuracy in percent over the splits; bytes and time for the first.",
                &measured,
            ),
            table("The simplified network in each format.", &formats),
        ],
        bars: vec![Bar::at_most("int8 network, digits, points below its f32", 1.0, lost)],
    })
}

fn text(measured: &[Measured], majority: &str) -> String {
    // Of those that are equal the one with the fewest changes, which comes first.
    let best = |key: fn(&Measured) -> f64| {
        let least = measured.iter().map(key).fold(f64::INFINITY, f64::min);
        let mut equal = measured.iter().filter(|one| key(one) <= least).map(|one| one.name.as_str());
        let first = equal.next().unwrap_or_default();
        match equal.count() {
            0 => first.to_owned(),
            others => format!("{first} (and {others} that take more steps or another order)"),
        }
    };
    format!(
        "One network, every sequence: convolution (8 channels), pool, convolution (16), dense, softmax on digits, \
         trained for {} passes, written as an exporter does, with normalisations, activations, flattening and dropout \
         as operators of their own; the channels of a normalised convolution have weights on scales from a quarter to \
         four, drawn from a seed, which their normalisations make up for. Pruning sets the smaller half of each \
         layer's weights to zero: before simplification it takes a channel on a small scale for an unimportant one, \
         which is what its loss there shows. An image stores zeros, so that only its deflated size, on the air, gains \
         from it. What is quantised before the end is rounded to eight bits there and quantised again when the image \
         is written. The majority rate is {majority} %; accuracies of batch methods on these data are in the first \
         table of this document. Work is the number of products and elements of an inference, which decides the speed \
         among integers and among f32; time is that of the computer that ran this, and noisy.\n\n\
         Best for size in flash: {}. Best for size on the air: {}. Best for accuracy: {}. Best for speed, by work: {}; \
         among these, integers are the faster ones.",
        network::PASSES,
        best(|one| one.image_bytes as f64),
        best(|one| one.deflated_bytes as f64),
        best(|one| -mean(&one.accuracies)),
        best(|one| one.work as f64),
    )
}

fn table(caption: &str, measured: &[Measured]) -> Table {
    let row = |one: &Measured| {
        vec![
            one.name.clone(),
            percent(&one.accuracies),
            one.image_bytes.to_string(),
            one.deflated_bytes.to_string(),
            one.arena_bytes.to_string(),
            one.work.to_string(),
            format!("{:.1}", one.microseconds),
        ]
    };
    Table {
        caption: caption.into(),
        head: vec!["sequence", "accuracy", "image, B", "deflated, B", "arena, B", "work", "us"],
        rows: measured.iter().map(row).collect(),
    }
}

/// All orders of all subsets.
fn sequences() -> Vec<Vec<Change>> {
    let mut sequences = vec![Vec::new()];
    let mut last = sequences.clone();
    for _ in 0..3 {
        last = last
            .iter()
            .flat_map(|sequence: &Vec<Change>| {
                let rest = [Change::Prune, Change::Simplify, Change::Quantise].into_iter();
                let rest = rest.filter(|change| !sequence.contains(change));
                rest.map(|change| [&sequence[..], &[change]].concat())
            })
            .collect();
        sequences.extend(last.iter().cloned());
    }
    sequences
}

fn measure(trained: &[Trained], changes: &[Change], format: Option<Format>) -> Result<Measured> {
    let words: Vec<&str> = changes
        .iter()
        .map(|change| match change {
            Change::Prune => "prune",
            Change::Simplify => "simplify",
            Change::Quantise => "quantise",
        })
        .collect();
    let integers = if changes.contains(&Change::Quantise) { Format::Int8 } else { Format::F32 };
    let name = match format {
        Some(format) => format!("{format:?}"),
        None if words.is_empty() => "as read".into(),
        None => words.join(", "),
    };
    let mut measured = Measured {
        name,
        accuracies: Vec::new(),
        image_bytes: 0,
        deflated_bytes: 0,
        arena_bytes: 0,
        work: 0,
        microseconds: 0.0,
    };
    for one in trained.iter().rev() {
        let mut graph = one.graph.clone();
        for change in changes {
            match change {
                Change::Prune => prune(&mut graph, SHARE),
                Change::Simplify => {
                    ensure!(simplify(&mut graph).affine == 2, "both normalisations are fused")
                }
                Change::Quantise => round_weights(&mut graph),
            }
        }
        let calibration = &one.split.train.samples[..CALIBRATION];
        let image = compile(&graph, format.unwrap_or(integers), calibration)?.image;
        let network = Network::load(&image)?;
        measured.accuracies.push(accuracy(&network, &one.split.test)?);
        // The first split comes last.
        measured.image_bytes = image.len();
        measured.deflated_bytes = deflated(&image)?;
        measured.arena_bytes = network.arena_bytes();
        measured.work = network.work();
        measured.microseconds = microseconds(&network, &one.split.test)?;
    }
    Ok(measured)
}

fn accuracy(network: &Network<'_>, test: &Labelled) -> Result<f64> {
    let (mut arena, mut output) = (vec![0; network.arena_bytes()], vec![0.0; test.shape.classes]);
    test.accuracy(|sample| {
        network.run(sample, &mut output, &mut arena)?;
        Ok((1..output.len()).fold(0, |best, class| if output[class] > output[best] { class } else { best }))
    })
}

fn microseconds(network: &Network<'_>, test: &Labelled) -> Result<f64> {
    let (mut arena, mut output) = (vec![0; network.arena_bytes()], vec![0.0; test.shape.classes]);
    let mut fastest = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for sample in &test.samples {
            network.run(sample, &mut output, &mut arena)?;
        }
        fastest = fastest.min(start.elapsed().as_secs_f64() * 1e6 / test.len() as f64);
    }
    Ok(fastest)
}

fn deflated(bytes: &[u8]) -> Result<usize> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
