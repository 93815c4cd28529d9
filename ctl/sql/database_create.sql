-- The database of an embedded cluster, which is only ours.
CREATE DATABASE handback TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'
