//! What CSV files may look like, and what is said of those that may not.
use super::{DEFAULT_TEST_SPLIT, TaskData, load};
use crate::scenario::{CsvConfig, DataConfig, Scale, Source};
use std::io::Write;
use std::path::Path;

fn load_path(path: &Path) -> Result<TaskData, String> {
    let csv = CsvConfig { path: path.to_owned(), label: "label".into(), node: None, split: None };
    load(&DataConfig { source: Source::Csv(csv), scale: Scale::Moments }, 1)
        .map_err(|error| error.to_string())
}

fn load_bytes(name: &str, bytes: &[u8]) -> Result<TaskData, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    load_path(&path)
}

fn load_text(text: &str) -> Result<TaskData, String> {
    load_bytes("data.csv", text.as_bytes())
}

#[test]
fn columns_and_splits_go_where_they_belong() {
    let text = "a,label,node,b,split\n1,10,n2,-.5,train\n2,9,n1,1e-3,train\n3,10,n2,4,test_time\n4,9,n3,5,test_node\n";
    let task = load_text(text).unwrap();
    assert_eq!(task.features, ["a", "b"]);
    assert_eq!(task.classes, ["9", "10"], "numbers sort as numbers");
    assert_eq!(task.train[0].features, [1.0, -0.5]);
    assert_eq!(task.train[0].label, 1);
    let nodes = task.nodes.unwrap();
    assert_eq!(nodes.names, ["n1", "n2"], "a node without training rows is no node");
    assert_eq!(nodes.of_row, [1, 0]);
    assert_eq!(task.tests.keys().collect::<Vec<_>>(), ["test_node", "test_time"]);
    assert_eq!(task.tests["test_time"][0].features, [3.0, 4.0]);
}

#[test]
fn without_splits_a_fifth_is_held_out_and_nodes_follow_their_rows() {
    let mut text = String::from("x,label,node\n");
    (0..100).for_each(|i| text += &format!("{i},{},n{}\n", ["cat", "dog"][i % 2], i % 4));
    let task = load_text(&text).unwrap();
    assert_eq!(task.tests[DEFAULT_TEST_SPLIT].len(), 20);
    assert_eq!(task.classes, ["cat", "dog"]);
    let nodes = task.nodes.unwrap();
    for (row, &node) in task.train.iter().zip(&nodes.of_row) {
        assert_eq!(node, row.features[0] as usize % 4);
    }
}

#[test]
fn gzip_and_windows_line_ends_are_read() {
    let text = "\u{feff}x,label,split\r\n1,0,train\r\n2,1,train\r\n3,1,test\r\n";
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let packed = gz.finish().unwrap();
    assert_eq!(load_bytes("data.csv.gz", &packed).unwrap().features, load_text(text).unwrap().features);
    assert_eq!(load_text(text).unwrap().features, ["x"]);
    assert!(load_bytes("data.csv.gz", &packed[..packed.len() / 2]).unwrap_err().contains("cannot be read"));
}

#[test]
fn an_unusable_file_is_refused_with_its_place() {
    let table: &[(&str, &str)] = &[
        ("", "column \"label\" is missing"),
        ("x,label\n", "there is no data row"),
        ("x,y\n1,2\n", "column \"label\" is missing; the header has: x, y"),
        ("x,x,label\n1,2,0\n", "column 2 has the name \"x\""),
        ("label\n0\n1\n", "there is no feature"),
        ("x,label\n1,0\nabc,1\n", "line 3, column \"x\": \"abc\" is not a finite number"),
        ("x,label\n1,0\n,1\n", "line 3, column \"x\": \"\" is not a finite number"),
        ("x,label\n1,0\nNaN,1\n", "line 3, column \"x\": \"NaN\" is not a finite number"),
        ("x,label\ninf,0\n1,1\n", "line 2, column \"x\": \"inf\" is not a finite number"),
        ("x,label\n1,0\n1e39,1\n", "line 3, column \"x\": \"1e39\" is not a finite number"),
        ("x,label\n1,0\n2,1,3\n", "line 3: 3 cells where the header has 2"),
        ("x,label\n1,0\n\n2\n", "line 4: 1 cells where the header has 2"),
        ("x,label\r\n1,0\r\n\r\nq,0", "line 4, column \"x\""),
        ("\nx,label\n\n\"1\",0\nq,0", "line 5, column \"x\""),
        ("x,label\n1,\n", "line 2, column \"label\": the cell is empty"),
        ("x,label\n1,a\n2,a\n3,a\n", "all training rows have the label \"a\""),
        ("x,label,split\n1,0,train\n2,1,valid\n", "line 3, column \"split\": \"valid\" is neither"),
        ("x,label,split\n1,0,train\n2,1,train\n", "there is no test row"),
        ("x,label,split\n1,0,test\n2,1,test\n", "there is no training row"),
        ("x,label,node\n1,0,a\n2,1,\n", "line 3, column \"node\": the cell is empty"),
    ];
    for (text, expected) in table {
        let error = load_text(text).unwrap_err();
        assert!(error.contains(expected), "{text:?}\n  gave     {error}\n  expected {expected}");
        assert!(error.contains("data.csv"), "the file is named: {error}");
    }
}

#[test]
fn a_measured_quantity_is_no_label() {
    let mut text = String::from("x,label\n");
    (0..300).for_each(|i| text += &format!("{i},{i}.5\n"));
    assert!(load_text(&text).unwrap_err().contains("300 distinct labels, more than 256"));
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    assert!(load_bytes("data.csv", b"x,label\n1,0\n\xff\xfe,1\n").unwrap_err().contains("line 3"));
}

#[test]
fn a_file_must_exist_and_be_named_csv() {
    assert!(
        load_path(Path::new("/nowhere/data.csv")).unwrap_err().contains("/nowhere/data.csv: cannot be read")
    );
    assert!(load_bytes("data.txt", b"x,label\n").unwrap_err().contains(".csv or .csv.gz"));
}

#[test]
fn a_column_named_in_the_scenario_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    std::fs::write(&path, "x,label\n1,0\n2,1\n").unwrap();
    let csv = CsvConfig { path, label: "label".into(), node: Some("site".into()), split: None };
    let error = load(&DataConfig { source: Source::Csv(csv), scale: Scale::Moments }, 1).unwrap_err();
    assert!(error.to_string().contains("column \"site\" is missing"));
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_is_read_or_refused(text in "[a-z0-9,.\n\"-]{0,200}") {
        let with_header = format!("x,label,split\n{text}");
        drop(load_text(&with_header));
    }
}
