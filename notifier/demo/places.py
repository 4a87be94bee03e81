"""Where the demonstration's people live, and what people are called there."""

from __future__ import annotations

from dataclasses import dataclass

_FRENCH = (
    "Camille Léa Hugo Théo Zoé Noémie Étienne François Hélène Jérôme Maëlle Raphaël Océane Gaëtan Solène Loïc Chloé Benoît Aïcha",
    "Lefèvre|Dupré|Château|Béranger|Moreau|de La Fontaine|Garçon|Noël|L’Hôpital|Guérin|Roux|Ben Saïd|Lemaître|N’Diaye|Vasseur",
)
_GERMAN = (
    "Anna Lukas Jörg Käthe Sören Björn Ulrike Günther Mia Leon Jürgen Änne Felix Özlem Matthias Heike Till Grete Jannik Elif",
    "Müller|Schröder|Weiß|Krüger|Brandstätter|von der Heide|Jäger|Großmann|Köhler|Yılmaz|Schüßler|Hübner|Bauer-Schönfeld|Oberhuber",
)
_BRITISH = (
    "Oliver Amelia Rhys Siân Callum Isla Priya Kwame Eleanor George Aoife Niamh Tariq Harriet Ewan Zainab Alfie Maeve Imran Grace",
    "Smith|O’Brien|MacLeod|Patel|Llewellyn|Okonkwo|Featherstonehaugh|Hughes|Nguyễn|Ashworth|Khan|Cholmondeley|St John|Begum|Brontë",
)
_SPANISH = (
    "Lucía Íñigo Begoña José Ana Álvaro Núria Sofía Raúl Carmen Iván Noa Martín Inés Óscar",
    "García Núñez|Ibáñez|Peña Ruiz|Muñoz|Etxeberria|Puig i Soler|Castaño|Rodríguez|Gómez Sáez|Vázquez",
)
_DUTCH = (
    "Lotte Joris Femke Bram Saar Thijs Anouk Wout Ilse Jef",
    "Van den Broeck|Peeters|De Smet|’t Kint|Vanderstraeten|Claes|Maes|D’hondt|Willems|Verhaeghe",
)
_ITALIAN = ("Giulia Matteo Niccolò Chiara Luca Desirée", "Bernasconi|Dell’Acqua|Ceschi|Fossà|Rossetti|De Giorgi")


@dataclass(frozen=True, slots=True)
class Home:
    """A place where some of the company live.

    Attributes:
        share: how many of every 250 people live there.
        time_zone: as the roster names it; "" leaves it to the country.
        language: as the roster writes it; "" says nothing.
    """

    share: int
    country: str
    region: str
    time_zone: str
    language: str
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]


def _home(share: int, country: str, region: str, language: str, names: tuple[str, str], time_zone: str = "") -> Home:
    given, family = names
    return Home(share, country, region, time_zone, language, tuple(given.split()), tuple(family.split("|")))


HOMES = (
    _home(26, "FR", "", "fr-FR", _FRENCH),
    _home(12, "FR", "", "French", _FRENCH),
    _home(22, "DE", "DE-BY", "de-DE", _GERMAN),
    _home(16, "DE", "DE-SN", "German", _GERMAN),
    _home(14, "DE", "DE-BE", "", _GERMAN),
    _home(24, "CH", "CH-GE", "fr-CH", _FRENCH),
    _home(18, "CH", "CH-ZH", "de-CH", _GERMAN),
    _home(6, "CH", "CH-TI", "it-CH", _ITALIAN),
    _home(18, "AT", "AT-9", "de-AT", _GERMAN),
    _home(10, "BE", "", "fr-BE", _FRENCH),
    _home(10, "BE", "", "nl-BE", _DUTCH),
    _home(10, "LU", "", "", _FRENCH),
    _home(26, "GB", "GB-ENG", "en-GB", _BRITISH),
    _home(6, "GB", "GB-SCT", "en-GB", _BRITISH),
    _home(10, "CA", "CA-QC", "fr-CA", _FRENCH, "America/Toronto"),
    _home(8, "CA", "CA-BC", "en-CA", _BRITISH, "America/Vancouver"),
    _home(10, "ES", "ES-MD", "es-ES", _SPANISH),
    _home(4, "ES", "ES-CN", "en", _SPANISH, "Atlantic/Canary"),
)
COUNTRY_NAMES = {
    "AT": "Austria",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "LU": "Luxembourg",
}
DEPARTMENTS = ("Research", "Sales", "Production", "Finance", "People", "IT", "Legal", "Customer Care")
