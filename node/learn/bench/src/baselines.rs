//! What learners are measured against: batch methods on a computer, with all samples in memory.
use crate::data::{self, Labelled, SPLITS, Split};
use crate::section::{Section, Table, percent};
use anyhow::Result;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use smartcore::svm::Kernels;
use smartcore::svm::svc::{MultiClassSVC, SVCParameters};

/// Weight of the squared weights in the logistic loss.
const ALPHA: f64 = 1.0;
/// Cost of a violated margin.
const SVM_C: f64 = 10.0;

/// Accuracy of logistic regression by L-BFGS.
pub fn logistic_regression(split: &Split) -> Result<f64> {
    let (x, y) = matrix(&split.train)?;
    let parameters = LogisticRegressionParameters::default().with_alpha(ALPHA);
    let model = LogisticRegression::fit(&x, &y, parameters)?;
    let (x, y) = matrix(&split.test)?;
    Ok(agreement(&model.predict(&x)?, &y))
}

/// Accuracy of a support vector machine with a radial kernel, one against one, gamma 1 / features.
pub fn rbf_svm(split: &Split) -> Result<f64> {
    let (x, y) = matrix(&split.train)?;
    let kernel = Kernels::rbf().with_gamma(1.0 / split.train.shape.features as f64);
    let parameters = SVCParameters::default().with_c(SVM_C).with_kernel(kernel).with_seed(Some(1));
    let model = MultiClassSVC::fit(&x, &y, &parameters)?;
    let (x, y) = matrix(&split.test)?;
    let predicted: Vec<i32> = model.predict(&x)?.iter().map(|&class| class as i32).collect();
    Ok(agreement(&predicted, &y))
}

fn matrix(data: &Labelled) -> Result<(DenseMatrix<f64>, Vec<i32>)> {
    let values = data.samples.iter().flatten().map(|&value| f64::from(value)).collect();
    let x = DenseMatrix::new(data.len(), data.shape.features, values, false)?;
    Ok((x, data.labels.iter().map(|&label| label as i32).collect()))
}

fn agreement(predicted: &[i32], labels: &[i32]) -> f64 {
    let correct = predicted.iter().zip(labels).filter(|(predicted, label)| predicted == label).count();
    correct as f64 / labels.len() as f64
}

/// Both baselines on both data sets.
pub fn section() -> Result<Section> {
    let mut rows = Vec::new();
    let is_six = data::digits().relabelled(2, |label| usize::from(label == 6));
    for (name, data) in
        [("digits", data::digits()), ("digits, is it a 6", is_six), ("breast cancer", data::breast_cancer())]
    {
        let splits = SPLITS.map(|seed| data.split(seed)).collect::<Result<Vec<_>>>()?;
        let of_all = |judge: fn(&Split) -> Result<f64>| splits.iter().map(judge).collect::<Result<Vec<_>>>();
        rows.push(vec![
            name.into(),
            format!("{} x {}", data.len(), data.shape.features),
            percent(&of_all(|split| Ok(split.test.majority_rate()))?),
            percent(&of_all(logistic_regression)?),
            percent(&of_all(rbf_svm)?),
        ]);
    }
    Ok(Section {
        title: "Data and baselines",
        text: "Logistic regression (L-BFGS, unit L2 penalty) and a support vector machine with a radial kernel \
               (C = 10, gamma = 1 / features,\none against one), both by `smartcore` in double precision with all samples \
               in memory."
            .into(),
        tables: vec![Table {
            caption: "Accuracy in percent.".into(),
            head: vec!["data", "samples x features", "most frequent class", "logistic regression", "RBF-SVM"],
            rows,
        }],
        bars: Vec::new(),
    })
}
