//! serde for users who keep these values inside documents of their own.
//!
//! Names are read as leniently as in an `info`, and a [`VolumeInfo`] follows the same rules as
//! [`VolumeInfo::from_value`] and [`VolumeInfo::to_value`].

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{DataType, Encoding, ShardEncoding, ShardHash, VolumeInfo, VolumeType};

macro_rules! by_name {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

by_name!(DataType, VolumeType, Encoding, ShardHash, ShardEncoding);

impl Serialize for VolumeInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for VolumeInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self::from_value(value).map_err(D::Error::custom)?.info)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_go_through_serde() {
        let value = serde_json::to_value((DataType::Uint8, Encoding::Jpeg)).unwrap();
        assert_eq!(value, json!(["uint8", "jpeg"]));
        let back: (DataType, Encoding) = serde_json::from_value(json!(["UINT8", "Jpeg"])).unwrap();
        assert_eq!(back, (DataType::Uint8, Encoding::Jpeg));
        assert!(serde_json::from_value::<Encoding>(json!("npz")).is_err());
    }

    #[test]
    fn volume_goes_through_serde() {
        let info = VolumeInfo::builder(DataType::Uint16, [10, 20, 30]).build().unwrap();
        let text = serde_json::to_string(&info).unwrap();
        assert_eq!(serde_json::from_str::<VolumeInfo>(&text).unwrap(), info);
    }
}
