//! The owner's keys: generated, stored in a folder, loaded again.

use crate::error::Failure;
use crate::exit::Status;
use crate::files;
use fhecc_ckks::keys::{KeyStore, PlacedKey};
use fhecc_ckks::{EvaluationError, EvaluationKeys, KeyKind, ParameterError, Parameters};
use fhecc_client::{KeyGenerator, SecretKey, SeedSequence};
use fhecc_plan::{CheckedPlan, Plan, Profile};
use fhecc_runtime::artefacts::{self, ArtefactError};
use fhecc_runtime::framing::{Expected, FrameReader, FrameWriter, Kind};
use fhecc_runtime::{KeysOnDisk, Protection, all_key_requests, needs_bootstrap, parameters_literal};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Only its owner may read it.
const SECRET_FILE: &str = "secret.key";
/// What a server needs.
const EVALUATION_FILE: &str = "evaluation.keys";
const SECRET_SECTION: &str = "secret";

/// All keys of one owner for one plan.
pub(crate) struct Keys {
    /// The parameters of the plan.
    pub(crate) parameters: Parameters,
    /// Stays with the owner.
    pub(crate) secret: SecretKey,
    /// For whoever evaluates.
    pub(crate) evaluation: EvaluationKeys,
    /// Drawn at random, stated by every file of these keys.
    pair: [u8; 32],
}

/// The cryptographic parameters of a profile.
pub(crate) fn parameters(profile: &Profile) -> Result<Parameters, Failure> {
    Parameters::new(parameters_literal(profile)).map_err(|error| {
        let insecure =
            matches!(error, ParameterError::Insecure { .. } | ParameterError::InsecureEphemeral { .. });
        let status = if insecure { Status::Insecure } else { Status::BadInput };
        Failure::new(status, format!("profile {}: {error}. Use another profile.", profile.name))
    })
}

/// Fresh seeds from the operating system.
pub(crate) fn seeds() -> Result<SeedSequence, Failure> {
    SeedSequence::from_os()
        .map_err(|e| Failure::new(Status::Other, format!("the operating system gives no randomness: {e}.")))
}

impl Keys {
    /// New keys, everything that the plan needs.
    pub(crate) fn generate(plan: &CheckedPlan) -> Result<Self, Failure> {
        let parameters = parameters(&plan.parameters)?;
        let mut seeds = seeds()?;
        let pair = *seeds.next_seed();
        let secret = SecretKey::generate(&parameters, &mut seeds);
        let unfit =
            |e| Failure::mismatch(format!("the plan needs keys that its parameters do not allow: {e}."));
        let requests = all_key_requests(plan, &parameters).map_err(unfit)?;
        let places = Places::new(plan, &parameters)?;
        let place = |key| places.of(key);
        let mut generator = KeyGenerator::new(&secret, seeds);
        let evaluation = if needs_bootstrap(plan) {
            generator.evaluation_keys_with_bootstrap_placed(&requests, &place)
        } else {
            generator.evaluation_keys_placed(&requests, &place)
        };
        let evaluation = evaluation.map_err(|e| stored(e, unfit))?;
        Ok(Self { parameters, secret, evaluation, pair })
    }

    /// Writes the secret key and, apart from it, the evaluation keys into `folder`.
    pub(crate) fn store(&self, folder: &Path, plan: &CheckedPlan) -> Result<(), Failure> {
        let path = folder.join(SECRET_FILE);
        let failed = |e: &ArtefactError| Failure::artefact(folder, e, "Nothing was written");
        let identity = artefacts::identity(plan, &self.parameters, self.pair).map_err(|e| failed(&e))?;
        let names = [SECRET_SECTION.to_owned()];
        FrameWriter::create(&path, Protection::Secret, Kind::SecretKey, identity, names)
            .and_then(|mut writer| {
                writer.section(&self.secret.to_bytes())?;
                writer.finish()
            })
            .map_err(|e| failed(&e.into()))?;
        let path = folder.join(EVALUATION_FILE);
        artefacts::write_evaluation_keys(&path, plan, &self.parameters, self.pair, &self.evaluation)
            .map_err(|e| failed(&e))
    }

    /// Reads what [`Keys::store`] wrote, if it belongs to the plan.
    pub(crate) fn load(folder: &Path, plan: &CheckedPlan) -> Result<Self, Failure> {
        let parameters = parameters(&plan.parameters)?;
        for file in [SECRET_FILE, EVALUATION_FILE] {
            files::size_of_file(&folder.join(file), "the key file").map_err(|mut failure| {
                failure.message += &format!(" {REMEDY}.");
                failure
            })?;
        }
        let path = folder.join(SECRET_FILE);
        let failed = |path: &Path, e: &ArtefactError| Failure::artefact(path, e, REMEDY);
        let (pair, secret) = read_secret(&path, plan, &parameters).map_err(|e| failed(&path, &e))?;
        let path = folder.join(EVALUATION_FILE);
        let places = Places::new(plan, &parameters)?;
        let place = |key| places.of(key);
        let read = artefacts::read_evaluation_keys_placed(&path, plan, &parameters, Some(pair), &place);
        let (_, evaluation) = read.map_err(|e| failed(&path, &e))?;
        Ok(Self { parameters, secret, evaluation, pair })
    }

    /// Generates the uniform halves of all evaluation keys once, instead of whenever a key is used, for twice the
    /// memory.
    pub(crate) fn expand(&mut self) {
        self.evaluation.expand(&self.parameters);
    }

    /// Distinct rotations that have a key, those of bootstraps included.
    pub(crate) fn rotations(&self) -> usize {
        self.evaluation.iter().filter(|(kind, _)| matches!(kind, KeyKind::Galois(_))).count()
    }
}

/// Where the plan wants keys to be.
struct Places {
    on_disk: KeysOnDisk,
    store: Option<Arc<KeyStore>>,
}

impl Places {
    fn new(plan: &Plan, parameters: &Parameters) -> Result<Self, Failure> {
        let on_disk = KeysOnDisk::new(plan, parameters).map_err(|e| {
            Failure::mismatch(format!("the plan needs keys that its parameters do not allow: {e}."))
        })?;
        let store = (!on_disk.is_empty()).then(key_store).transpose()?;
        Ok(Self { on_disk, store })
    }

    fn of(&self, key: PlacedKey) -> Option<Arc<KeyStore>> {
        let on_disk = match key {
            PlacedKey::Shared(request) => self.on_disk.contains(&request),
            PlacedKey::DenseToSparse | PlacedKey::Raise(_) => self.on_disk.raise,
        };
        self.store.clone().filter(|_| on_disk)
    }
}

/// A store for keys on disk.
pub(crate) fn key_store() -> Result<Arc<KeyStore>, Failure> {
    KeyStore::create(&store_folder()).map(Arc::new).map_err(|e| stored(e, |e| Failure::bug(&e)))
}

/// The folder for keys on disk: the one that `TMPDIR` names, or the system's for large temporary files, which other than
/// `/tmp` is never in memory.
fn store_folder() -> PathBuf {
    let large = Path::new("/var/tmp");
    if std::env::var_os("TMPDIR").is_none() && large.is_dir() {
        large.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// A key store that fails is a matter of the disk.
fn stored(error: EvaluationError, otherwise: impl FnOnce(EvaluationError) -> Failure) -> Failure {
    if let EvaluationError::KeyStore { .. } = error {
        return Failure::resources(format!(
            "{error}. The plan keeps keys on disk: free some space in that folder, name another with TMPDIR, or compile with more --memory."
        ));
    }
    otherwise(error)
}

const REMEDY: &str = "Keys for this plan are made with `fhecc keygen PLAN -o FOLDER`";

fn read_secret(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
) -> Result<([u8; 32], SecretKey), ArtefactError> {
    let identity = artefacts::identity(plan, parameters, [0; 32])?;
    // A byte per coefficient after a short start; what exactly, the key itself checks.
    let longest = parameters.n() as u64 + 256;
    let expected = Expected {
        kind: Kind::SecretKey,
        plan: Some(identity.plan),
        parameters: Some(identity.parameters),
        keys: None,
        sections: vec![(SECRET_SECTION.to_owned(), 0..=longest)],
    };
    let mut reader = FrameReader::open(path, &expected)?;
    let bytes = Zeroizing::new(reader.section()?.unwrap_or_default());
    let pair = reader.header().identity.keys;
    reader.finish()?;
    Ok((pair, SecretKey::from_bytes(&bytes, parameters)?))
}

/// Whether keys may be written to `folder`: it is new, empty, or holds nothing but keys that may be replaced.
pub(crate) fn may_write(folder: &Path, force: bool) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    let unreadable = |e| Failure::unreadable("the folder for the keys", folder, &e);
    let mut keys = false;
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if name != SECRET_FILE && name != EVALUATION_FILE {
            return Err(Failure::usage(format!(
                "{} holds {name}, which is not a key. Choose a folder of its own for the keys; nothing was written.",
                folder.display()
            )));
        }
        keys = true;
    }
    if keys && !force {
        return Err(Failure::usage(format!(
            "{} holds keys already. Choose another folder, or replace them with --force: what was encrypted under them can then never be decrypted.",
            folder.display()
        )));
    }
    Ok(())
}
