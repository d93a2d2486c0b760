"""Who somebody is: device keys, the paper recovery key, and what `init` founds."""
