-- The roles that a table or view was opened to, besides its owner; none if it is not there. Locks: none.
SELECT r.rolname
FROM pg_class c
CROSS JOIN aclexplode(c.relacl) AS a
JOIN pg_roles r ON r.oid = a.grantee
WHERE c.oid = to_regclass(@relation) AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
