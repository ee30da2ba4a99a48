//! "Did you mean": the known name nearest to an unknown one.

/// The candidates nearest to `wanted`, best first, at most three; none where nothing is close.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (wanted.chars().count() / 4).max(1);
    let mut close: Vec<_> =
        candidates.into_iter().filter_map(|name| Some((distance(wanted, name, limit)?, name))).collect();
    close.sort_unstable();
    close.dedup();
    close.into_iter().take(3).map(|(_, name)| name).collect()
}

/// "did you mean `x`?" for the nearest candidate, if one is close.
pub(crate) fn did_you_mean<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(wanted, candidates).first().map(|name| format!("did you mean `{name}`?"))
}

/// Edits (insert, delete, replace, swap neighbours; case is free) between two names, if at most `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    const LONGEST: usize = 64;
    let fold = |s: &str| s.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()).collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    Some(rows[a.len()][b.len()]).filter(|&d| d <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_best_first() {
        let kinds = ["conv", "batch_norm", "relu", "linear", "subsample"];
        assert_eq!(nearest("bacth_norm", kinds), ["batch_norm"]);
        assert_eq!(nearest("Conv", kinds), ["conv"]);
        assert_eq!(nearest("line", kinds), ["linear"; 0]);
        assert_eq!(nearest("linea", kinds), ["linear"]);
        assert_eq!(nearest("dropout", kinds), [""; 0]);
        assert_eq!(nearest("bn12", ["bn1", "bn2", "bn3"]), ["bn1", "bn2"]);
        assert_eq!(did_you_mean("rleu", kinds).as_deref(), Some("did you mean `relu`?"));
    }
}
