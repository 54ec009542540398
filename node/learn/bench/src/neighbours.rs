//! Prototypes, and nearest neighbours in a bounded memory.
use crate::data::{self, Labelled, SPLITS, Split};
use crate::section::{Bar, Section, Table, mean, percent};
use anyhow::{Context, Result};
use chirrup_learn::neighbours::nearest::{NearestNeighbours, Slot};
use chirrup_learn::neighbours::prototypes::Prototypes;

/// Samples of each class that a better start is chosen from.
const CHOICE: usize = 30;

/// How prototypes begin.
#[derive(Clone, Copy)]
enum Start {
    FirstSamples,
    Chosen,
}

fn prototypes(split: &Split, per_class: usize, start: Start, seed: u64) -> Result<f64> {
    let learner = Prototypes { shape: split.train.shape, per_class, memory: u32::MAX };
    let (mut centroids, mut counts) = (vec![0.0; learner.centroids_len()], vec![0; learner.counts_len()]);
    if let Start::Chosen = start {
        for class in 0..learner.shape.classes {
            let own = split.train.only(|label| label == class);
            let choice: Vec<f32> = own.samples.iter().take(CHOICE).flatten().copied().collect();
            let mut distances = vec![0.0; own.len().min(CHOICE)];
            learner.start(&mut centroids, &mut counts, class, &choice, seed, &mut distances)?;
        }
    }
    for (sample, label) in split.train.iter() {
        learner.step(&mut centroids, &mut counts, sample, label)?;
    }
    split.test.accuracy(|sample| {
        learner.predict(&centroids, &counts, sample)?.context("prototypes of all classes were learned")
    })
}

/// Pixels from 0 to 16 in a byte each.
fn bytes_of(sample: &[f32]) -> Vec<u8> {
    sample.iter().map(|pixel| (15.0 * pixel) as u8).collect()
}

struct Memory {
    learner: NearestNeighbours,
    examples: Vec<u8>,
    slots: Vec<Slot>,
}

impl Memory {
    fn new(data: &Labelled, slots: usize) -> Self {
        let learner = NearestNeighbours { shape: data.shape, slots, neighbours: 1 };
        Self { learner, examples: vec![0; learner.examples_len()], slots: vec![Slot::default(); slots] }
    }

    /// All samples.
    fn of_all(data: &Labelled) -> Self {
        let mut memory = Self::new(data, data.len());
        memory.examples = data.samples.iter().flat_map(|sample| bytes_of(sample)).collect();
        for (slot, label) in memory.slots.iter_mut().zip(&data.labels) {
            slot.label = Some(*label as u8);
        }
        memory
    }

    fn learn(&mut self, data: &Labelled, passes: usize) -> Result<()> {
        for (sample, label) in (0..passes).flat_map(|_| data.iter()) {
            self.learner.step(&mut self.examples, &mut self.slots, &bytes_of(sample), label)?;
        }
        Ok(())
    }

    fn condense(&mut self) -> Result<()> {
        self.learner.condense(&mut self.examples, &mut self.slots, self.learner.slots)?;
        Ok(())
    }

    fn used(&self) -> usize {
        self.slots.iter().filter(|slot| slot.label.is_some()).count()
    }

    fn accuracy(&self, test: &Labelled) -> Result<f64> {
        test.accuracy(|sample| {
            let label = self.learner.predict(&self.examples, &self.slots, &bytes_of(sample))?;
            label.context("the memory has examples")
        })
    }
}

/// Accuracy and examples kept on each split.
fn memories(splits: &[Split], memory: impl Fn(&Labelled) -> Result<Memory>) -> Result<[Vec<f64>; 2]> {
    let (mut accuracies, mut kept) = (Vec::new(), Vec::new());
    for split in splits {
        let memory = memory(&split.train)?;
        accuracies.push(memory.accuracy(&split.test)?);
        kept.push(memory.used() as f64);
    }
    Ok([accuracies, kept])
}

fn prototype_table(splits: &[Split], bars: &mut Vec<Bar>) -> Result<Table> {
    let mut rows = Vec::new();
    for per_class in [1, 2, 3, 5, 8] {
        let of = |start: Start| {
            let seeded = SPLITS.zip(splits);
            seeded.map(|(seed, split)| prototypes(split, per_class, start, seed)).collect::<Result<Vec<_>>>()
        };
        let (first, chosen) = (of(Start::FirstSamples)?, of(Start::Chosen)?);
        let shape = splits[0].train.shape;
        let bytes = 4 * shape.classes * per_class * (shape.features + 1);
        rows.push(vec![per_class.to_string(), bytes.to_string(), percent(&first), percent(&chosen)]);
        if per_class == 5 {
            bars.push(Bar::at_least("prototypes, digits, five a class", 0.96, mean(&chosen)));
        }
    }
    Ok(Table {
        caption: format!(
            "Prototypes after one pass: accuracy in percent, begun by the first samples, and chosen from the first {CHOICE} \
             of each class by k-means++."
        ),
        head: vec!["prototypes a class", "state, B", "first samples", "chosen"],
        rows,
    })
}

fn memory_table(splits: &[Split], bars: &mut Vec<Bar>) -> Result<Table> {
    let slot_bytes = splits[0].train.shape.features + size_of::<Slot>();
    let row = |name: String, [accuracies, kept]: &[Vec<f64>; 2], slots: usize| {
        let bytes = (slots * slot_bytes).to_string();
        vec![name, bytes, format!("{:.0}", mean(kept)), percent(accuracies)]
    };
    let mut rows = Vec::new();
    for (slots, passes) in [(50, 1), (100, 1), (200, 1), (200, 3)] {
        let result = memories(splits, |train| {
            let mut memory = Memory::new(train, slots);
            memory.learn(train, passes)?;
            Ok(memory)
        })?;
        if (slots, passes) == (100, 1) {
            bars.push(Bar::at_least("nearest neighbours, digits, 100 slots", 0.94, mean(&result[0])));
        }
        rows.push(row(format!("{slots} slots, passes: {passes}"), &result, slots));
    }
    let all = memories(splits, |train| Ok(Memory::of_all(train)))?;
    rows.push(row("all samples".into(), &all, splits[0].train.len()));
    let condensed = memories(splits, |train| {
        let mut memory = Memory::of_all(train);
        memory.condense()?;
        Ok(memory)
    })?;
    rows.push(row("all samples, condensed".into(), &condensed, mean(&condensed[1]) as usize));
    Ok(Table {
        caption: "Nearest neighbour in a bounded memory of bytes: accuracy in percent.".into(),
        head: vec!["memory", "state, B", "examples kept", "accuracy"],
        rows,
    })
}

/// Digits by what is kept of them.
pub fn section() -> Result<Section> {
    let digits = data::digits();
    let splits: Vec<Split> = SPLITS.map(|seed| digits.cut(seed)).collect();
    let mut bars = Vec::new();
    let tables = vec![prototype_table(&splits, &mut bars)?, memory_table(&splits, &mut bars)?];
    Ok(Section {
        title: "Prototypes and nearest neighbours",
        text: "Digits, pixels as they are: distances want a common scale. A memory takes a sample only when it would have \
               got it wrong;\nwhen it is full the example that misled most makes room. Condensing (Hart) starts from all \
               samples, which a node does not\nhave: it is what a bounded memory is compared with."
            .into(),
        tables,
        bars,
    })
}
