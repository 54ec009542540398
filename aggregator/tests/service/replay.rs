//! The exported ledger reproduces every version, and an altered one is refused.
use crate::bench::{Bench, Files, binary};
use chirrup_aggregator::export::{self, ExportError};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn export_to(files: &Files, out: &Path) -> Output {
    Command::new(binary())
        .args(["export", "--config"])
        .arg(files.config())
        .arg("--out")
        .arg(out)
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_replay_reproduces_every_version() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    for round in 0..6 {
        bench.contribute(round % 2).await;
    }
    let (hashes, status) = (bench.hashes().await, bench.status().await);
    let out = bench.files.path("ledger.chirrup");
    let refused = export_to(&bench.files, &out);
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("in use by another process"), "{message}");

    bench.service.terminate().await;
    assert!(export_to(&bench.files, &out).status.success());
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let (federation, records) = export::read(&out).unwrap();
    assert_eq!(records.len() as u64, status["ledger_records"]);
    let replayed = export::replay(federation.clone(), &records).unwrap();
    assert_eq!(replayed.versions.iter().map(|version| hex::encode(version.hash)).collect::<Vec<_>>(), hashes);
    assert_eq!((hashes.len(), replayed.accepted), (3, 6));

    // Without any one of its frames the ledger does not replay.
    let frame = |record: &chirrup_aggregator::core::Record| format!("{record:?}").starts_with("Frame");
    let contributions = (0..records.len()).rev().filter(|&index| frame(&records[index]));
    for index in contributions.take(4) {
        let mut fewer = records.clone();
        fewer.remove(index);
        assert!(export::replay(federation.clone(), &fewer).is_err(), "record {index}");
    }
    altered_files_are_refused(&out, &bench.files.path("altered"));
}

fn altered_files_are_refused(whole: &Path, altered: &Path) {
    let bytes = fs::read(whole).unwrap();
    let read = |bytes: &[u8]| {
        fs::write(altered, bytes).unwrap();
        export::read(altered).map(|(_, records)| records.len())
    };
    for index in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[index] ^= 0x20;
        match read(&flipped) {
            Err(ExportError::NotALedger | ExportError::UnknownFormat { .. }) => assert!(index < 9),
            Err(ExportError::Damaged) => assert!(index >= 9),
            other => panic!("byte {index}: {other:?}"),
        }
    }
    for length in (0..bytes.len()).step_by(11) {
        assert!(read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    assert!(read(&[&bytes[..], b"more"].concat()).is_err());

    // Whoever can compute a digest can claim a length.
    let sealed = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() - 32);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    };
    let mut hostile = bytes.clone();
    hostile[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = read(&sealed(hostile)).unwrap_err();
    assert!(matches!(error, ExportError::EntryTooLong { entry: 0, .. }), "{error}");
    let mut hostile = bytes.clone();
    hostile[9..13].copy_from_slice(&(1u32 << 24).to_le_bytes());
    let error = read(&sealed(hostile)).unwrap_err();
    assert!(matches!(error, ExportError::Malformed { entry: 0 }), "{error}");
    let mut hostile = bytes.clone();
    let count = bytes.len() - 40;
    hostile[count] ^= 1;
    let error = read(&sealed(hostile)).unwrap_err();
    assert!(matches!(error, ExportError::WrongCount { .. }), "{error}");
}
