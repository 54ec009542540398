//! What `chirrup run --trace` writes, read by Wireshark's own dissectors where `tshark` is installed.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const SETTINGS: [&str; 3] = ["run.duration_s=7200", "nodes.count=4", "data.source=breast-cancer"];

/// Bytes of the file's header, of a record's, and of LoRaTap's.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const LORATAP_HEADER: usize = 15;

/// `None`, said loudly, where it is not installed.
fn tshark(words: &[&str]) -> Option<String> {
    match Command::new("tshark").args(words).stdin(Stdio::null()).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).expect("fields are text"))
        }
        Err(_) => {
            // Past the capture of the test's output: who runs the tests must see it.
            let loud = b"MISSING TOOL: tshark is not installed; captures were not read by it\n";
            std::io::stderr().write_all(loud).expect("stderr is open");
            None
        }
    }
}

/// The PHY payloads in a capture, in order.
fn payloads(capture: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut found) = (&capture[FILE_HEADER..], Vec::new());
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().expect("four bytes")) as usize;
        let record = &rest[RECORD_HEADER..RECORD_HEADER + length];
        found.push(record[LORATAP_HEADER..].to_vec());
        rest = &rest[RECORD_HEADER + length..];
    }
    found
}

/// A data frame with neither port nor payload (LoRaWAN L2 1.0.4, 4.3.2): header, FOpts and integrity code alone.
fn has_no_port(phy: &[u8]) -> bool {
    matches!(phy[0] >> 5, 2..=5) && phy.len() == 12 + usize::from(phy[5] & 0x0f)
}

fn capture(path: &Path) -> Vec<Vec<u8>> {
    let out = path.with_extension("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chirrup"));
    command.arg("run").arg("--trace").arg(path).arg("--out").arg(out);
    SETTINGS.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    payloads(&std::fs::read(path).expect("the capture was written"))
}

#[test]
fn wireshark_reads_a_capture_as_lorawan_over_loratap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.pcap");
    let phy = capture(&path);
    let file = path.to_str().unwrap();
    let fields = ["frame.protocols", "loratap.channel.frequency", "loratap.channel.sf", "frame.len"];
    let mut words = vec!["-r", file, "-T", "fields"];
    fields.iter().for_each(|field| words.extend(["-e", *field]));
    let Some(lines) = tshark(&words) else { return };
    assert_eq!(lines.lines().count(), phy.len());
    for (line, phy) in lines.lines().zip(&phy) {
        let cells: Vec<&str> = line.split('\t').collect();
        // Old dissectors add that they could not read the rest.
        assert!(cells[0].starts_with("loratap:lorawan"), "{line}");
        assert!(cells[1].starts_with("86"), "{line}");
        assert!(["7", "8", "9", "10", "11", "12"].contains(&cells[2]), "{line}");
        assert_eq!(cells[3], (LORATAP_HEADER + phy.len()).to_string());
    }
    // Dissectors up to Wireshark 4.0 take a port for granted, and the first byte of the integrity code for it.
    let malformed =
        tshark(&["-r", file, "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"]).unwrap();
    for number in malformed.lines().map(|line| line.parse::<usize>().unwrap()) {
        assert!(has_no_port(&phy[number - 1]), "frame {number}: {}", hex::encode(&phy[number - 1]));
    }
}
