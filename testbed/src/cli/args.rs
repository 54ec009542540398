//! Arguments of the `chirrup` command. Scripts rely on them: add, never rename.
use crate::scenario::Overrides;
use crate::sweep::Variation;
use chirrup_protocol::region::{DwellTime, Region};
use chirrup_protocol::seal::Direction;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Federated learning over LoRaWAN: simulate a fleet, and see what it learns at what cost.
///
/// Without a command, the built-in quickstart runs: twenty nodes learn digits over one gateway for a day.
#[derive(Clone, Debug, Parser)]
#[command(name = "chirrup", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Simulate a scenario in virtual time and write a report.
    Run(RunArgs),
    /// Run every combination of varied values with several seeds on all cores; finished runs are not run again.
    Sweep(SweepArgs),
    /// Run many small fleets, each drawn from a seed with its own faults, and check that each keeps what must hold.
    Soak(SoakArgs),
    /// Simulate the radio in front of real gateway and aggregator processes.
    Live(LiveArgs),
    /// Feed exported frames through the cores again and compare the hash of every version.
    Replay(ReplayArgs),
    /// Time on air of one frame, and how many fit into an hour.
    Airtime(AirtimeArgs),
    /// Check the simulated radio against closed forms and published values, and write what came of it.
    Validate(ValidateArgs),
    /// Run one of the services of a live run. `live` starts it so; people use the services' own programs.
    #[command(hide = true)]
    Service(ServiceArgs),
}

/// Arguments of `run`.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Scenario to run; the built-in quickstart when left out.
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: Option<PathBuf>,
    /// Seed of every random draw; replaces `run.seed`.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Replace a value of the scenario; may be repeated.
    #[arg(long, value_name = "key.path=value")]
    pub set: Vec<String>,
    /// Folder for report.html, summary.json and timeline.csv; out/SCENARIO-SEED when left out.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write every received frame and every downlink as a pcap file of link type LoRaTap.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print the summary on stdout as one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl RunArgs {
    /// The values that replace those of the scenario.
    pub fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), seed: self.seed }
    }
}

/// Arguments of `sweep`.
#[derive(Clone, Debug, Args)]
pub struct SweepArgs {
    /// Scenario to run; the built-in quickstart when left out.
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: Option<PathBuf>,
    /// Values that a key of the scenario takes in turn; may be repeated.
    #[arg(long, value_name = "key.path=a,b,c", num_args = 1..)]
    pub vary: Vec<Variation>,
    /// Seeds of every combination: the scenario's `run.seed`, and those that follow it.
    #[arg(long, value_name = "K")]
    pub seeds: u32,
    /// Runs at the same time; as many as there are cores when left out.
    #[arg(long, value_name = "J")]
    pub jobs: Option<NonZeroUsize>,
    /// Replace a value of the scenario in every run; may be repeated.
    #[arg(long, value_name = "key.path=value")]
    pub set: Vec<String>,
    /// Folder for report.html, runs.csv, bands.csv and the runs; out/SCENARIO-sweep when left out.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `soak`.
#[derive(Clone, Debug, Args)]
pub struct SoakArgs {
    /// How many seeds.
    #[arg(long, value_name = "N")]
    pub seeds: u32,
    /// The first of them.
    #[arg(long, value_name = "S", default_value = "1")]
    pub first: u64,
    /// Seeds at the same time; as many as there are cores when left out.
    #[arg(long, value_name = "J")]
    pub jobs: Option<NonZeroUsize>,
    /// Folder for results.jsonl; seeds that held in it are not run again by the same program.
    #[arg(long, value_name = "DIR", default_value = "out/soak")]
    pub out: PathBuf,
    /// Print the totals on stdout as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `live`.
#[derive(Clone, Debug, Args)]
pub struct LiveArgs {
    /// Everything that `run` takes.
    #[command(flatten)]
    pub run: RunArgs,
    /// Virtual seconds a second, at most.
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    pub speed: f64,
}

/// Arguments of `replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// Frames and closing records, as the aggregator exports them.
    #[arg(value_name = "LEDGER")]
    pub ledger: PathBuf,
    /// Print the outcome on stdout as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `validate`.
#[derive(Clone, Debug, Args)]
pub struct ValidateArgs {
    /// The page to write; its pictures go beside it.
    #[arg(long, value_name = "FILE.md", default_value = "docs/validation.md")]
    pub out: PathBuf,
}

/// Arguments of `service`.
#[derive(Clone, Debug, Args)]
pub struct ServiceArgs {
    /// Which one.
    #[arg(value_enum)]
    pub service: ServiceName,
    /// Its configuration.
    #[arg(long)]
    pub config: PathBuf,
    /// Where it says where it listens.
    #[arg(long)]
    pub ready_file: PathBuf,
}

/// The services of a live run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServiceName {
    /// The network server.
    Gateway,
    /// The aggregator.
    Aggregator,
}

/// Arguments of `airtime`.
#[derive(Clone, Copy, Debug, Args)]
pub struct AirtimeArgs {
    /// Radio region.
    #[arg(long, value_enum)]
    pub region: RegionName,
    /// Which way the frame travels.
    #[arg(long, value_enum, default_value = "up")]
    pub direction: DirectionName,
    /// Whether the network limits the time of a frame; AS923 and AU915 know the setting.
    #[arg(long, value_enum, default_value = "unlimited")]
    pub dwell_time: DwellTimeName,
    /// Index of the data rate.
    #[arg(long, value_name = "DR")]
    pub dr: u8,
    /// Bytes of application payload.
    #[arg(long, value_name = "BYTES")]
    pub bytes: usize,
}

/// Regions by the names that scenarios and arguments use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RegionName {
    /// Europe, 863 to 870 MHz.
    Eu868,
    /// Europe, 433 MHz.
    Eu433,
    /// India, 865 to 867 MHz.
    In865,
    /// Asia, 915 to 928 MHz, group 1.
    #[value(name = "as923-1")]
    As923_1,
    /// Asia, group 2.
    #[value(name = "as923-2")]
    As923_2,
    /// Asia, group 3.
    #[value(name = "as923-3")]
    As923_3,
    /// Asia, group 4.
    #[value(name = "as923-4")]
    As923_4,
    /// Australia, 915 to 928 MHz.
    Au915,
    /// North America, 902 to 928 MHz.
    Us915,
}

impl RegionName {
    /// The region of this name.
    pub fn region(self) -> Region {
        match self {
            Self::Eu868 => Region::Eu868,
            Self::Eu433 => Region::Eu433,
            Self::In865 => Region::In865,
            Self::As923_1 => Region::As923_1,
            Self::As923_2 => Region::As923_2,
            Self::As923_3 => Region::As923_3,
            Self::As923_4 => Region::As923_4,
            Self::Au915 => Region::Au915,
            Self::Us915 => Region::Us915,
        }
    }
}

/// Ways of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DirectionName {
    /// From a node.
    Up,
    /// To a node.
    Down,
}

impl DirectionName {
    /// The direction of this name.
    pub fn direction(self) -> Direction {
        match self {
            Self::Up => Direction::Up,
            Self::Down => Direction::Down,
        }
    }
}

/// Limits of a frame's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DwellTimeName {
    /// None.
    Unlimited,
    /// 400 ms.
    #[value(name = "400ms")]
    Limited,
}

impl DwellTimeName {
    /// The setting of this name.
    pub fn dwell_time(self) -> DwellTime {
        match self {
            Self::Unlimited => DwellTime::Unlimited,
            Self::Limited => DwellTime::Limited,
        }
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed.is_finite() => Ok(speed),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(words.split_whitespace())
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_allowed_and_an_unknown_one_is_not() {
        assert!(parse("chirrup").unwrap().command.is_none());
        assert_eq!(parse("chirrup sing").unwrap_err().exit_code(), 2);
        assert_eq!(parse("chirrup run --sed 3").unwrap_err().exit_code(), 2);
        assert_eq!(parse("chirrup run --seed x").unwrap_err().exit_code(), 2);
        assert_eq!(parse("chirrup sweep a.toml").unwrap_err().exit_code(), 2);
        assert_eq!(parse("chirrup sweep --seeds 2 --vary count=3").unwrap_err().exit_code(), 2);
        assert_eq!(parse("chirrup live --speed 0").unwrap_err().exit_code(), 2);
        assert_eq!(parse("chirrup airtime --region eu868 --dr 3").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn run_takes_what_the_contract_says() {
        let words =
            "chirrup run a.toml --seed 7 --set radio.gateways=2 --set run.duration_s=60 --out o --json";
        let Some(Command::Run(args)) = parse(words).unwrap().command else { panic!("not run") };
        assert_eq!(args.scenario, Some("a.toml".into()));
        assert_eq!(args.overrides().set, ["radio.gateways=2", "run.duration_s=60"]);
        assert_eq!((args.seed, args.out, args.json), (Some(7), Some("o".into()), true));
        let words = "chirrup sweep a.toml --vary radio.data_rate=0,3 nodes.count=5 --vary run.duration_s=60 --seeds 3 \
                     --jobs 2 --out o";
        let Some(Command::Sweep(sweep)) = parse(words).unwrap().command else { panic!("not sweep") };
        let keys: Vec<_> = sweep.vary.iter().map(|variation| variation.key.as_str()).collect();
        assert_eq!(keys, ["radio.data_rate", "nodes.count", "run.duration_s"]);
        assert_eq!((sweep.seeds, sweep.jobs.map(NonZeroUsize::get)), (3, Some(2)));
        let Some(Command::Live(live)) = parse("chirrup live --speed 60 --json").unwrap().command else {
            panic!("not live")
        };
        assert_eq!((live.speed, live.run.json), (60.0, true));
    }
}
