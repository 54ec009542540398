//! `docs/codecs.md` and its picture.
use crate::chart::{self, Panel, Series};
use crate::codecs::{self, Codec};
use crate::digits::{self, Partition};
use crate::measure::{self, Heard, ONE_BLOCK, Point};
use crate::{range_coder, speed};
use anyhow::{Context, Result, ensure};
use chirrup_protocol::codec::CodecError;
use std::fmt::Write;
use std::path::Path;

const ROOMS: [usize; 3] = [36, 100, 207];

/// Everything that is measured of one codec.
struct Measured {
    family: &'static str,
    setting: String,
    has_feedback: bool,
    gaussian: [Point; 2],
    digits: [Heard; 2],
    frames: [[Heard; 3]; 2],
}

impl Measured {
    fn name(&self) -> String {
        format!("{} {}", self.family, self.setting).trim_end().into()
    }
}

/// A bar that a codec must clear on normal vectors of 512 coordinates.
const BARS: [(&str, &str, f64); 4] = [
    ("DRIVE", "least squares", 0.366),
    ("DRIVE", "unbiased", 0.58),
    ("EDEN", "2 bits, least squares", 0.120),
    ("EDEN", "2 bits, unbiased", 0.136),
];

/// Fails when a codec, or the range coder, misses what the literature promises.
pub fn check() -> Result<()> {
    for (family, setting, most) in BARS {
        let mut codec = find(family, setting)?;
        let have = measure::on_gaussian(&mut codec, 512)?.value;
        println!("{family} {setting}: error {have:.4}, at most {most}");
        ensure!(have <= most, "{family} {setting} misses its bar");
    }
    for row in range_coder::rows()? {
        ensure!(row.is_within_bar(), "range coder: {} B for {:.1} B", row.coded, row.entropy);
    }
    println!("range coder: within 1 % and 2 B of the entropy");
    Ok(())
}

fn find(family: &str, setting: &str) -> Result<Codec> {
    let found = codecs::all().into_iter().find(|codec| codec.family == family && codec.setting == setting);
    found.with_context(|| format!("no codec {family} {setting}"))
}

/// Writes the document and its picture into `folder`.
pub fn write(folder: &Path) -> Result<()> {
    let measured = measure_all()?;
    let speeds = speed::rows(&digits::updates(Partition::Iid)?[0][1])?;
    std::fs::write(folder.join("codecs.svg"), picture(&measured))?;
    std::fs::write(folder.join("codecs.md"), text(&measured, &speeds)?)?;
    Ok(())
}

fn measure_all() -> Result<Vec<Measured>> {
    let updates = [digits::updates(Partition::Iid)?, digits::updates(Partition::OneClass)?];
    let mut all = Vec::new();
    for (index, mut codec) in codecs::all().into_iter().enumerate() {
        let gaussian = [measure::on_gaussian(&mut codec, 512)?, measure::on_gaussian(&mut codec, 650)?];
        let digits =
            [heard(index, &updates[0], ONE_BLOCK, None)?, heard(index, &updates[1], ONE_BLOCK, None)?];
        let mut frames = [[Heard::default(); 3]; 2];
        for (frames, updates) in frames.iter_mut().zip(&updates) {
            for (heard_in_room, room) in frames.iter_mut().zip(ROOMS) {
                *heard_in_room = match heard(index, updates, room, Some(1)) {
                    Err(error) if is_no_room(&error) => Heard::default(),
                    heard => heard?,
                };
            }
        }
        let Codec { family, setting, feedback, .. } = codec;
        all.push(Measured { family, setting, has_feedback: feedback.is_some(), gaussian, digits, frames });
    }
    Ok(all)
}

/// Whether not even one coordinate fitted.
fn is_no_room(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(CodecError::NoRoom { .. }))
}

/// The mean over all nodes, each with a codec of its own.
fn heard(index: usize, updates: &[Vec<Vec<f32>>], room: usize, frames: Option<usize>) -> Result<Heard> {
    let mut mean = Heard::default();
    for updates in updates {
        let (mut once, mut codec) = (codecs::all().swap_remove(index), codecs::all().swap_remove(index));
        let heard = measure::hear(&mut once, &mut codec, updates, room, frames)?;
        mean.bytes += heard.bytes / digits::NODES as f64;
        mean.once += heard.once / digits::NODES as f64;
        mean.sum += heard.sum / digits::NODES as f64;
    }
    Ok(mean)
}

fn picture(measured: &[Measured]) -> String {
    let series = |value: &dyn Fn(&Measured) -> (f64, f64)| -> Vec<Series> {
        let mut all: Vec<Series> = Vec::new();
        for codec in measured {
            let name = legend(codec);
            match all.iter_mut().find(|series| series.name == name) {
                Some(series) => series.points.push(value(codec)),
                None => all.push(Series { name, points: vec![value(codec)] }),
            }
        }
        all.iter_mut().for_each(|series| series.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
        all
    };
    let bytes = (0..200).map(|step| 14.0 * libm::pow(1.03, step.into()));
    let points = bytes.map(|bytes| (bytes, bound(bytes))).collect();
    let bound = Series { name: "bound".into(), points };
    let gaussian = series(&|codec| (codec.gaussian[1].bytes, codec.gaussian[1].value));
    let digits = |place: usize| series(&|codec| (codec.digits[place].bytes, 1.0 - codec.digits[place].sum));
    let panel = |title: &str, axis: &str, decades, series, bound| Panel {
        title: title.into(),
        axis: axis.into(),
        decades,
        series,
        bound,
    };
    chart::draw(&[
        panel("A normal vector, once", "squared error / energy", (-5, 1), gaussian, Some(bound)),
        panel("Digits, random parts: sum of ten updates", "1 - cosine", (-5, 0), digits(0), None),
        panel("Digits, one class a node: sum of ten updates", "1 - cosine", (-5, 0), digits(1), None),
    ])
}

/// Scales and clips make separate lines.
fn legend(codec: &Measured) -> String {
    match codec.setting.rsplit_once(", ") {
        Some((_, scale)) => format!("{}, {scale}", codec.family),
        None if codec.family == "DRIVE" => format!("EDEN, {}", codec.setting),
        None => codec.family.into(),
    }
    .replace("EDEN,", "DRIVE and EDEN,")
}

/// What no code of so many bytes can fall below (Shannon): 2^-2R with R bits for each of 650 coordinates.
fn bound(bytes: f64) -> f64 {
    libm::exp2(-2.0 * bytes * 8.0 / 650.0)
}

fn text(measured: &[Measured], speeds: &[speed::Row]) -> Result<String> {
    let mut text = String::from(INTRODUCTION);
    gaussian_table(&mut text, measured)?;
    digits_table(&mut text, measured)?;
    frames_table(&mut text, measured)?;
    range_table(&mut text)?;
    speed_table(&mut text, speeds)?;
    Ok(text)
}

const INTRODUCTION: &str = include_str!("introduction.md");

fn gaussian_table(text: &mut String, measured: &[Measured]) -> Result<()> {
    writeln!(
        text,
        "\n## Error on a normal vector\n\nMean of {} vectors, each in one payload: squared error divided by energy. \
         *Bound* is 2^-2R, below which no code\nwith as many bits falls. Codecs that choose coordinates (top-k, sparse \
         signs) and low rank are made for updates that\nare not like this.\n",
        measure::VECTORS
    )?;
    writeln!(
        text,
        "| codec | 512: bytes | error | 650: bytes | error | bound |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for codec in measured {
        let [small, large] = codec.gaussian;
        writeln!(
            text,
            "| {} | {:.0} | {} | {:.0} | {} | {} |",
            codec.name(),
            small.bytes,
            figure(small.value),
            large.bytes,
            figure(large.value),
            figure(bound(large.bytes))
        )?;
    }
    Ok(())
}

fn digits_table(text: &mut String, measured: &[Measured]) -> Result<()> {
    writeln!(
        text,
        "\n## Real updates, whole\n\nSoftmax regression on handwritten digits, 650 parameters: {} nodes, {} updates each, \
         {} samples behind an update, with\nthe samples spread at random (*IID*) or one digit alone on each node. *Once* is \
         the cosine between an update and what is\ndecoded of it; *sum* the cosine between the sum of a node's {} updates \
         and the sum of all that was decoded of them, with\nerror feedback where the codec allows it (yes) and without \
         where it does not.\n",
        digits::NODES,
        digits::ROUNDS,
        digits::SAMPLES,
        digits::ROUNDS
    )?;
    writeln!(
        text,
        "| codec | feedback | IID: bytes | once | sum | one class: bytes | once | sum |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for codec in measured {
        let feedback = if codec.has_feedback { "yes" } else { "no" };
        write!(text, "| {} | {feedback}", codec.name())?;
        for heard in codec.digits {
            write!(text, " | {:.0} | {:.3} | {:.3}", heard.bytes, heard.once, heard.sum)?;
        }
        writeln!(text, " |")?;
    }
    Ok(())
}

fn frames_table(text: &mut String, measured: &[Measured]) -> Result<()> {
    writeln!(
        text,
        "\n## One frame an update\n\nThe same updates, each in a single payload of 36, 100 or 207 bytes (EU868 DR0, DR3, \
         DR5). A codec whose block does\nnot hold the whole update goes on where the block before ended; what was not sent \
         stays owed. Cosine of the sum of ten;\na dash where not even one row or coordinate fits.\n"
    )?;
    writeln!(
        text,
        "| codec | IID: 36 B | 100 B | 207 B | one class: 36 B | 100 B | 207 B |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for codec in measured {
        // These fill their payload; their limits are the rooms.
        let fills = ["top-k", "planned"].contains(&codec.family);
        if fills && !codec.setting.ends_with("207 B") {
            continue;
        }
        let name = if fills { codec.family.into() } else { codec.name() };
        write!(text, "| {name}")?;
        for heard in codec.frames.iter().flatten() {
            match heard.bytes {
                0.0 => write!(text, " | -")?,
                _ => write!(text, " | {:.3}", heard.sum)?,
            }
        }
        writeln!(text, " |")?;
    }
    Ok(())
}

fn range_table(text: &mut String) -> Result<()> {
    writeln!(
        text,
        "\n## Range coder\n\nDigits of three kinds, coded by the adaptive model; *entropy* is the information of the digits \
         in that model. The bar is\none hundredth and two bytes.\n\n| zeros | digits | entropy, B | coded, B |\n\
         | ---: | ---: | ---: | ---: |"
    )?;
    for row in range_coder::rows()? {
        writeln!(text, "| {} % | {} | {:.1} | {} |", row.zeros_percent, row.digits, row.entropy, row.coded)?;
    }
    Ok(())
}

fn speed_table(text: &mut String, speeds: &[speed::Row]) -> Result<()> {
    let reference = speeds.first().context("the reference comes first")?;
    writeln!(
        text,
        "\n## Speed and size beside general tools\n\nOne update of the digits task, IID, 650 parameters in single \
         precision, in one payload. Times are multiples of those of\n{} in the same run: below 1 is faster. They \
         move by some tenths from run to run.\n",
        reference.name
    )?;
    writeln!(
        text,
        "| | bytes | of the reference | encoding | decoding |\n| --- | ---: | ---: | ---: | ---: |"
    )?;
    for row in speeds {
        let (encode, decode) = row.times(reference);
        let share = row.bytes as f64 / reference.bytes as f64;
        writeln!(
            text,
            "| {} | {} | {:.1} % | {} | {} |",
            row.name.trim_end(),
            row.bytes,
            100.0 * share,
            ratio(encode),
            ratio(decode)
        )?;
    }
    Ok(())
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        value if value < 0.001 => format!("{value:.1e}"),
        value if value < 0.1 => format!("{value:.4}"),
        value => format!("{value:.3}"),
    }
}

/// One digit that counts, two from ten on.
fn ratio(value: f64) -> String {
    match value {
        value if value < 0.095 => format!("{value:.2}"),
        value if value < 0.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
