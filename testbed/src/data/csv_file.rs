//! Tables of numbers in `.csv` and `.csv.gz` files.
//!
//! One column holds the label; a column of nodes and a column of splits are optional; every other column is a
//! feature. A cell that cannot be used is named by its line in the file and its column.
use super::csv_error::CsvError;
use super::{MAX_CLASSES, NodeColumn, Sample, TaskData, split};
use crate::scenario::CsvConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const TRAIN: &str = "train";
const TEST_PREFIX: &str = "test";

/// Reads the file that `config` names.
pub fn load(config: &CsvConfig, seed: u64) -> Result<TaskData, CsvError> {
    let table = read_table(open(&config.path)?, config)?;
    let name = config.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    table.into_task(name, &config.label, seed)
}

fn open(path: &Path) -> Result<Box<dyn Read>, CsvError> {
    let name = path.to_string_lossy();
    if name.ends_with(".csv") {
        Ok(Box::new(File::open(path)?))
    } else if name.ends_with(".csv.gz") {
        Ok(Box::new(flate2::read::MultiGzDecoder::new(File::open(path)?)))
    } else {
        Err(CsvError::UnknownExtension)
    }
}

/// Where each column of the header goes.
struct Columns {
    label: usize,
    node: Option<usize>,
    split: Option<usize>,
    features: Vec<usize>,
    names: Vec<String>,
}

impl Columns {
    fn of_header(header: &csv::StringRecord, config: &CsvConfig) -> Result<Self, CsvError> {
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut seen = BTreeSet::new();
        if let Some(index) = names.iter().position(|name| name.is_empty() || !seen.insert(name)) {
            return Err(CsvError::BadColumnName { index: index + 1, name: names[index].clone() });
        }
        let find = |name: &str| names.iter().position(|column| column == name);
        let require = |name: &str| {
            find(name)
                .ok_or_else(|| CsvError::MissingColumn { column: name.into(), header: names.join(", ") })
        };
        // A column that the scenario names must exist; one with the default name is used if it does.
        let optional = |named: &Option<String>, default: &str| match named {
            Some(name) => require(name).map(Some),
            None => Ok(find(default)),
        };
        let label = require(&config.label)?;
        let node = optional(&config.node, "node")?;
        let split = optional(&config.split, "split")?;
        let taken = [Some(label), node, split];
        let features: Vec<usize> = (0..names.len()).filter(|&i| !taken.contains(&Some(i))).collect();
        if features.is_empty() {
            return Err(CsvError::NoFeatures);
        }
        Ok(Self { label, node, split, features, names })
    }
}

/// One row as it stands in the file, its label not yet numbered.
struct Row {
    features: Vec<f32>,
    label: String,
    node: Option<String>,
    split: Option<String>,
}

struct Table {
    features: Vec<String>,
    rows: Vec<Row>,
}

fn read_table(mut file: Box<dyn Read>, config: &CsvConfig) -> Result<Table, CsvError> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_slice());
    let malformed = |error: csv::Error| CsvError::Malformed { line: line_of(&text, error.position()) };
    let header = reader.headers().map_err(malformed)?.clone();
    let columns = Columns::of_header(&header, config)?;
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(malformed)? {
        rows.push(read_row(&record, line_of(&text, record.position()), &columns)?);
    }
    let features = columns.features.iter().map(|&i| columns.names[i].clone()).collect();
    Ok(Table { features, rows })
}

/// The line that a record stands in. The reader's position is before the empty lines that it skips.
fn line_of(text: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let rest = text.get(position.byte() as usize..).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| b"\r\n".contains(byte)).filter(|&&byte| byte == b'\n');
    position.line() + skipped.count() as u64
}

fn read_row(record: &csv::StringRecord, line: u64, columns: &Columns) -> Result<Row, CsvError> {
    if record.len() != columns.names.len() {
        return Err(CsvError::Ragged { line, have: record.len(), need: columns.names.len() });
    }
    let number = |&index: &usize| {
        let cell = &record[index];
        let value = cell.parse::<f32>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| CsvError::NotANumber {
            line,
            column: columns.names[index].clone(),
            cell: cell.to_owned(),
        })
    };
    let text = |index: usize| match &record[index] {
        "" => Err(CsvError::EmptyCell { line, column: columns.names[index].clone() }),
        cell => Ok(cell.to_owned()),
    };
    let split = columns.split.map(text).transpose()?;
    if let (Some(cell), Some(index)) = (&split, columns.split)
        && cell != TRAIN
        && !cell.starts_with(TEST_PREFIX)
    {
        let column = columns.names[index].clone();
        return Err(CsvError::UnknownSplit { line, column, cell: cell.clone() });
    }
    Ok(Row {
        features: columns.features.iter().map(number).collect::<Result<_, _>>()?,
        label: text(columns.label)?,
        node: columns.node.map(text).transpose()?,
        split,
    })
}

impl Table {
    fn into_task(self, name: String, label_column: &str, seed: u64) -> Result<TaskData, CsvError> {
        if self.rows.is_empty() {
            return Err(CsvError::NoRows("data"));
        }
        let classes = class_names(self.rows.iter().map(|row| row.label.as_str()));
        if classes.len() > MAX_CLASSES {
            let column = label_column.to_owned();
            return Err(CsvError::TooManyClasses { column, found: classes.len() });
        }
        let label_of: BTreeMap<&str, u16> =
            classes.iter().enumerate().map(|(index, class)| (class.as_str(), index as u16)).collect();
        let has_splits = self.rows.iter().any(|row| row.split.is_some());
        let mut train = Vec::new();
        let mut nodes = Vec::new();
        let mut tests = BTreeMap::<String, Vec<Sample>>::new();
        for row in self.rows {
            let sample = Sample { features: row.features, label: label_of[row.label.as_str()] };
            match row.split {
                Some(split) if split != TRAIN => tests.entry(split).or_default().push(sample),
                _ => {
                    train.push(sample);
                    nodes.push(row.node);
                }
            }
        }
        if !has_splits {
            (train, nodes, tests) = hold_out(train, nodes, classes.len(), seed);
        }
        check_rows(&train, &tests, &classes, label_column)?;
        let nodes = node_column(nodes);
        Ok(TaskData {
            name,
            features: self.features,
            classes,
            train,
            nodes,
            tests,
            endless: None,
            schema: None,
            warnings: Vec::new(),
        })
    }
}

type SplitRows = (Vec<Sample>, Vec<Option<String>>, BTreeMap<String, Vec<Sample>>);

fn hold_out(rows: Vec<Sample>, nodes: Vec<Option<String>>, n_classes: usize, seed: u64) -> SplitRows {
    let is_test = split::stratified_fifth(&rows, n_classes, seed);
    let mut train = Vec::new();
    let mut train_nodes = Vec::new();
    let mut test = Vec::new();
    for ((row, node), is_test) in rows.into_iter().zip(nodes).zip(is_test) {
        if is_test {
            test.push(row);
        } else {
            train.push(row);
            train_nodes.push(node);
        }
    }
    let tests = BTreeMap::from([(super::DEFAULT_TEST_SPLIT.to_owned(), test)]);
    (train, train_nodes, tests)
}

fn check_rows(
    train: &[Sample],
    tests: &BTreeMap<String, Vec<Sample>>,
    classes: &[String],
    label_column: &str,
) -> Result<(), CsvError> {
    let first = train.first().ok_or(CsvError::NoRows("training"))?;
    if train.iter().all(|row| row.label == first.label) {
        let class = classes[usize::from(first.label)].clone();
        return Err(CsvError::OneClass { column: label_column.to_owned(), class });
    }
    if tests.values().all(Vec::is_empty) {
        return Err(CsvError::NoRows("test"));
    }
    Ok(())
}

/// Classes in the order of their numbers where all are whole numbers, in that of their names otherwise.
fn class_names<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<&str> = labels.collect::<BTreeSet<_>>().into_iter().collect();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().ok());
    }
    names.into_iter().map(str::to_owned).collect()
}

/// `None` when the file has no column of nodes: then no row has one.
fn node_column(nodes: Vec<Option<String>>) -> Option<NodeColumn> {
    let nodes = nodes.into_iter().collect::<Option<Vec<String>>>()?;
    let names: Vec<String> = nodes.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let of_row = nodes.iter().map(|node| names.partition_point(|name| name < node)).collect();
    Some(NodeColumn { names, of_row })
}
