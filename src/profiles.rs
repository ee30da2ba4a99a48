//! The parameter sets that come with the program, and those that users bring.

use crate::error::Failure;
use crate::files;
use fhecc_plan::Profile;
use std::path::Path;

/// Name and text of every built-in profile; the first is the default.
const BUILT_IN: [(&str, &str); 4] = [
    ("b5", include_str!("../models/targets/b5.ron")),
    ("b4", include_str!("../models/targets/b4.ron")),
    ("b6", include_str!("../models/targets/b6.ron")),
    ("a9", include_str!("../models/targets/a9.ron")),
];

/// What is used where no profile is named and nothing is compiled.
pub(crate) const DEFAULT: &str = BUILT_IN[0].0;

/// The built-in profiles on the smallest ring, the default first: those among which the compiler may choose. Larger
/// rings are for those who ask for their precision.
pub(crate) fn choices() -> Result<Vec<Profile>, Failure> {
    let mut all = BUILT_IN.iter().map(|(name, _)| load(name)).collect::<Result<Vec<_>, _>>()?;
    let smallest = all.iter().map(|profile| profile.log_n).min();
    all.retain(|profile| Some(profile.log_n) == smallest);
    Ok(all)
}

const LIMIT: u64 = 1 << 16;

/// A built-in profile by its name, or one from a file.
pub(crate) fn load(name: &str) -> Result<Profile, Failure> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return Profile::from_ron(text).map_err(|e| Failure::profile(name, &e));
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|e| e != "ron") {
        let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
        return Err(Failure::usage(format!(
            "there is no profile `{name}`. Built in are {}; for one of your own give the path of a .ron file.",
            known.join(", ")
        )));
    }
    let text = files::read_text(path, "the profile", LIMIT)?;
    Profile::from_ron(&text).map_err(|e| Failure::profile(name, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_sound_and_bears_its_name() {
        for (name, _) in BUILT_IN {
            assert_eq!(load(name).expect("built in").name, name);
        }
    }
}
