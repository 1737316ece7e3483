//! What the rates of one run are to each other, held against what they were: the numbers belong to the machine, their ratios do not.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

/// How much of a ratio must be left.
const LEFT: f64 = 0.9;

/// Prints how the rates of a bench stand to each other, and how they stood; with `BENCH_CHECK` (1) fails where less than nine tenths are
/// left of one.
pub fn hold(bench: &str, rates: &[(&str, f64)]) -> Result<()> {
    let all: BTreeMap<String, BTreeMap<String, f64>> = toml::from_str(include_str!("baseline.toml"))?;
    let rate = |name: &str| rates.iter().find(|(known, _)| *known == name).map(|(_, rate)| *rate);
    println!("\n{:<44} {:>8} {:>9}", "", "ratio", "baseline");
    let mut lost = Vec::new();
    for (name, was) in all.get(bench).with_context(|| format!("{bench} has no baseline"))? {
        let (one, other) = name.split_once(" / ").with_context(|| format!("{name} is no ratio"))?;
        let ratio = rate(one).zip(rate(other)).map(|(one, other)| one / other);
        let is = ratio.with_context(|| format!("{name} was not measured"))?;
        println!("{name:<44} {is:>8.3} {was:>9.3}");
        if is < LEFT * was {
            lost.push(format!("{name} is {is:.3}, and was {was:.3}"));
        }
    }
    let is_asked = std::env::var("BENCH_CHECK").is_ok_and(|asked| asked == "1");
    ensure!(!is_asked || lost.is_empty(), "slower than it was: {}", lost.join("; "));
    Ok(())
}
