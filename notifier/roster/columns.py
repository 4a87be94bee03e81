"""Which column holds what: the headers of the common exports in English, French and German, recognised by themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from notifier.errors import BadDataError
from notifier.roster.text import clean, fold, shorten

# For each of our fields the headers it is known by, folded (letters and digits only, no accents, no case), best first. Where a
# file has several columns for one field, the first that is not empty counts.
_ALIASES: dict[str, str] = {
    "id": """employeeid employeenumber employeeno employeenr employeecode employeeeid eid workerid personnelnumber personnelno
        personnelid staffid staffnumber personid matricule numeromatricule nummatricule numeroemploye numemploye nemploye
        idemploye identifiant numerodepersonnel numeropersonnel personalnummer personalnr persnr persnummer
        mitarbeiternummer mitarbeiternr mitarbeiterid id userid objectid objectguid uid samaccountname username""",
    "email": """workemail primaryworkemail emailprimarywork emailwork workemailaddress businessemail companyemail corporateemail
        emailaddress primaryemail email emailprimary mail mailaddress emailid adressemail adresseemail adressemailprofessionnelle
        adresseemailprofessionnelle emailprofessionnel emailpro mailprofessionnel courriel adressecourriel adressedecourriel
        courrielprofessionnel adresseelectronique courrierelectronique emailadresse mailadresse geschaftlicheemail
        emailgeschaftlich dienstlicheemail emaildienstlich geschaftlicheemailadresse dienstlicheemailadresse primarysmtpaddress
        windowsemailaddress""",
    "user_principal_name": "userprincipalname upn",
    "given_name": """firstname givenname forename legalfirstname legalnamefirstname preferredfirstname prenom prenoms
        prenomusuel vorname vornamen rufname""",
    "family_name": """lastname surname familyname legallastname legalnamelastname preferredlastname sn nomdefamille nomusage
        nomdusage nachname familienname zuname""",
    "name": "name nom",
    "full_name": """displayname fullname employeename workername worker employee legalname preferredname nomcomplet nomaffiche
        nometprenom prenometnom prenomnom anzeigename vollstandigername vornamenachname vornameundnachname vornamename
        firstnamelastname mitarbeiter mitarbeitername collaborateur employe""",
    "family_first": """lastnamefirstname lastfirst nomprenom nomprenoms namevorname nachnamevorname nameundvorname
        nachnameundvorname""",
    "language": """preferredlanguage language preferredlocale locale lang correspondencelanguage worklanguage langue
        languepreferee languedecorrespondance languedetravail sprache korrespondenzsprache bevorzugtesprache
        muttersprache""",
    "time_zone": "timezone tz worktimezone fuseauhoraire fuseau zeitzone",
    "country": """country countrycode countryregion workcountry locationcountry locationaddresscountry worklocationcountry
        countryoremployment countryofemployment co c countryname pays codepays paysdetravail land lander landercode landescode
        landerkurzel arbeitsland usagelocation""",
    "region": """region state stateprovince stateorprovince province canton cantondetravail st kanton arbeitskanton bundesland
        locationaddressstate worklocationstate departementgeographique departementfrancais""",
    "department": """department departmentname dept departement service direction unite abteilung abteilungsname bereich
        organisationseinheit supervisoryorganization division""",
    "manager_id": """managerid manageremployeeid managernumber supervisorid supervisoreid supervisornumber
        reportstoid idmanager idresponsable matriculeresponsable matriculemanager matriculedumanager matriculeduresponsable
        vorgesetztenid vorgesetzterid vorgesetztennummer idvorgesetzter personalnummervorgesetzter""",
    "manager_email": """manageremail manageremailaddress manageremailid managermail manageruserprincipalname managerupn
        supervisoremail supervisoremailaddress reportstoemail emailmanager emaildumanager emailresponsable
        emailduresponsable courrielduresponsable courrieldumanager emailvorgesetzter vorgesetzteremail vorgesetztenemail
        emaildesvorgesetzten""",
    "manager": """manager managername workersmanager linemanager directmanager supervisor supervisorname reportsto reportingto
        managerdisplayname managerdn responsable responsablehierarchique superieur superieurhierarchique nplus1 chef
        nomduresponsable nomdumanager vorgesetzter vorgesetzte vorgesetzterr vorgesetzteperson vorgesetztername fuhrungskraft
        direktervorgesetzter""",
    "distinguished_name": "distinguishedname dn",
    "account_name": "samaccountname username login benutzername alias",
    "status": """status employmentstatus employeestatus workerstatus activestatus accountstatus userstatus etat statut
        statutemploye beschaftigungsstatus mitarbeiterstatus""",
    "enabled": """accountenabled enabled active isactive currentlyactive activeemployee actif compteactif aktiv
        aktiviert kontoaktiv""",
    "blocked": "blockcredential blockcredentials blocked signinblocked accountdisabled disabled suspended desactive gesperrt",
    "user_type": "usertype accounttype typeutilisateur benutzertyp",
    "ends_on": """terminationdate enddate lastdayofwork lastworkingday contractenddate employmentenddate leavingdate
        lastdayofemployment accountexpirationdate datedefin datedesortie datededepart datefin datefincontrat datedefindecontrat
        findecontrat dernierjour austrittsdatum austritt austrittam kundigungsdatum letzterarbeitstag vertragsende enddatum""",
    "leave_until": """leaveuntil onleaveuntil absentuntil leaveend leaveenddate leaveto returnfromleave absentjusquau
        absencejusquau finabsence findabsence congejusquau finconge abwesendbis abwesenheitbis abwesenheitsende
        beurlaubtbis""",
}
FIELDS = tuple(_ALIASES)

# The words of one header can mean the given or the family name; which one, the other headers say.
_RANKED: dict[str, tuple[tuple[str, int], ...]] = {}
for _field, _words in _ALIASES.items():
    for _rank, _word in enumerate(_words.split()):
        _RANKED[_word] = (*_RANKED.get(_word, ()), (_field, _rank))

_BRACKETED = re.compile(r"\[[^\]]*\]|\{[^}]*\}")
_PARENTHESISED = re.compile(r"\([^)]*\)")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_REMARKS = ("", "optional", "required", "facultatif", "obligatoire", "pflichtfeld")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where our fields stand in a row.

    Attributes:
        header: the cells of the header row.
        places: for each recognised field the indexes of its columns, best first.
    """

    header: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]

    @property
    def recognised(self) -> dict[str, str]:
        """Our field and the header it was found under, best first where there are several: "Mail, UPN"."""
        return {field: ", ".join(shorten(clean(self.header[index])) for index in self.places[field]) for field in self.places}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Headers that mean nothing to us."""
        used = {index for indexes in self.places.values() for index in indexes}
        return tuple(shorten(clean(cell)) for index, cell in enumerate(self.header) if clean(cell) and index not in used)


def recognise(header: Sequence[str], overrides: Mapping[str, str]) -> Columns:
    """Say which field each column of a header holds. `overrides` maps our field to their header and wins over recognition."""
    places: dict[str, list[tuple[int, int]]] = {}
    claimed: set[int] = set()
    for field, wanted in overrides.items():
        index = _find(header, wanted)
        if index is not None:
            places[field] = [(0, index)]
            claimed.add(index)
    for index, cell in enumerate(header):
        if index in claimed:
            continue
        for field, rank in _meanings(cell):
            if field not in overrides:
                places.setdefault(field, []).append((rank, index))
    found = {field: tuple(index for _, index in sorted(ranked)) for field, ranked in places.items()}
    return Columns(tuple(header), _settle_names(_settle_email(found)))


def check_overrides(overrides: Mapping[str, str]) -> None:
    """Refuse a mapping of fields that do not exist.

    Raises:
        BadDataError: names the field and those that exist.
    """
    for field in overrides:
        if field not in FIELDS:
            msg = f"roster.columns: {field!r} is not a field of the roster"
            raise BadDataError(msg, hint=f"the fields are {', '.join(FIELDS)}")


def missing_override(columns: Columns, overrides: Mapping[str, str]) -> tuple[str, str] | None:
    """The first (field, header) of `overrides` that the header row does not have, or None."""
    return next(((field, wanted) for field, wanted in overrides.items() if _find(columns.header, wanted) is None), None)


def column_of_addresses(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    """The header of a column that holds addresses, whatever it is called: for telling an admin what to map."""
    for index, cell in enumerate(header):
        values = [row[index].strip() for row in rows if index < len(row) and row[index].strip()]
        if cell.strip() and values and sum(bool(_ADDRESS.fullmatch(value)) for value in values) * 2 > len(values):
            return clean(cell)
    return None


def _find(header: Sequence[str], wanted: str) -> int | None:
    exact = (index for index, cell in enumerate(header) if cell.strip() == wanted.strip())
    alike = (index for index, cell in enumerate(header) if fold(cell) and fold(cell) == fold(wanted))
    return next(exact, next(alike, None))


def _meanings(cell: str) -> tuple[tuple[str, int], ...]:
    """What a header can mean: with the words in parentheses, else without them where they only say how it is filled in."""
    text = _BRACKETED.sub(" ", cell[:200]).replace("#", " number ").replace("+", " plus ").replace("n°", "numero")
    if found := _known(fold(text)):
        return found
    remark = fold("".join(_PARENTHESISED.findall(text)))
    return _known(fold(_PARENTHESISED.sub(" ", text))) if remark in _REMARKS or len(remark) <= 3 else ()


def _known(word: str) -> tuple[tuple[str, int], ...]:
    """The meanings of a folded header, whether its umlauts are written as such or as ae, oe, ue."""
    return _RANKED.get(word) or _RANKED.get(word.replace("ae", "a").replace("oe", "o").replace("ue", "u"), ())


def _settle_email(places: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Without a column of addresses the login name is the address: in Entra ID it has the same form and mostly is the same."""
    if "email" not in places and "user_principal_name" in places:
        return {**places, "email": places["user_principal_name"]}
    return places


def _settle_names(places: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """A column "Name" or "Nom" is the family name beside a given name that has no other, else the full name."""
    if "name" not in places:
        return places
    meant = "family_name" if "given_name" in places and "family_name" not in places else "full_name"
    settled = {field: indexes for field, indexes in places.items() if field != "name"}
    settled[meant] = (*settled.get(meant, ()), *places["name"])
    return settled
